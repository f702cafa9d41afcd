/** Ports: the wished-for one, or the next that is free. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

/** How many ports after the wished-for one are tried. */
const TRIES = 20

/**
 * Opens something on `preferred`, or on the next free port, and says so in one line.
 *
 * A port that a program has on IPv6's loopback alone is taken, too: `localhost` would lead there.
 *
 * @param open must reject with `code: 'EADDRINUSE'` and leave nothing open where the port is taken
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
        throw new Error(`the ${what} found ports ${preferred} to ${port} taken; end what uses them`)
    }
  }
}

/** A socket that listens but that nobody accepts from yet. */
export interface ReservedPort {
  readonly port: number
  /** For a child process to inherit: one for each address. */
  readonly fds: readonly number[]
  /** Closes our copy; a child that inherited it goes on listening. */
  release(): void
}

/**
 * Binds a port before it is known who will serve it, so that its number can go into settings without a race.
 *
 * @param host `localhost` is both loopback addresses: of its two, a client may try either first
 */
export async function reservePort(port: number, host: string): Promise<ReservedPort> {
  const server = await bind(port, host === 'localhost' ? '127.0.0.1' : host)
  if (server === undefined) throw new Error(`there is no address "${host}" on this machine`)
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
    // Of a port that the system chose, the other address may be in use: it chooses once more.
    if (port === 0 && isTaken(error)) return reservePort(port, host)
    throw error
  }
}

/** Listens; undefined where this machine does not have the address. */
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

/** Node has no public name for it; `child_process` reads the same member when it is given a handle. */
function fdOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
