/** Finds and reserves ports: the preferred one, or the next free one. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

/** How many ports after the preferred one are tried. */
const TRIES = 20

/**
 * Opens a server on `preferred` or on the next free port, and logs the change.
 *
 * A port that is in use on the IPv6 loopback only counts as taken: `localhost` could lead there.
 *
 * @param open must reject with `code: 'EADDRINUSE'` if the port is taken, and leave nothing open
 */
export async function onFreePort<T>(
  what: string,
  preferred: number,
  log: (message: string) => void,
  open: (port: number) => Promise<T>
): Promise<T> {
  for (let port = preferred; ; port++) {
    try {
      if (port !== 0) (await bind(port, '::1'))?.close()
      const opened = await open(port)
      if (port !== preferred) log(`Port ${preferred} is taken: the ${what} uses ${port} instead.`)
      return opened
    } catch (error) {
      if (!isTaken(error) || preferred === 0) throw error
      if (port >= preferred + TRIES)
        throw new Error(
          `Starting the ${what} failed: ports ${preferred} to ${port} are in use. Stop the programs that use them`
        )
    }
  }
}

/** A listening socket that does not accept connections yet. */
export interface ReservedPort {
  readonly port: number
  /** File descriptors for a child process to inherit, one per address. */
  readonly fds: readonly number[]
  /** Closes this process's copies; a child that inherited them keeps listening. */
  release(): void
}

/**
 * Binds a port for a process that starts later, so that settings can contain its number without a race.
 *
 * @param host `localhost` binds both loopback addresses, because a client may try either first
 */
export async function reservePort(port: number, host: string): Promise<ReservedPort> {
  const server = await bind(port, host === 'localhost' ? '127.0.0.1' : host)
  if (server === undefined) throw new Error(`Reserving a port failed: this machine does not have the address "${host}"`)
  const { port: bound } = server.address() as AddressInfo
  try {
    const other = host === 'localhost' ? await bind(bound, '::1') : undefined
    const servers = other === undefined ? [server] : [server, other]
    const release = () => {
      for (const one of servers) one.close()
    }
    return { port: bound, fds: servers.map(fdOf), release }
  } catch (error) {
    server.close()
    // The port that the system chose may be in use on the other address. The system chooses again.
    if (port === 0 && isTaken(error)) return reservePort(port, host)
    throw error
  }
}

/** Listens. Returns undefined if this machine does not have the address. */
async function bind(port: number, host: string): Promise<Server | undefined> {
  const server = createServer(socket => socket.destroy())
  server.listen(port, host)
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** The file descriptor. Node has no public API for it; `child_process` reads the same member of a handle. */
function fdOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
