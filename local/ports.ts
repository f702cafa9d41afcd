/** Ports: the wished-for one, or the next that is free. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** How many ports after the wished-for one are tried. */
const TRIES = 20

/**
 * Opens something on `preferred`, or on the next free port, and says so in one line.
 *
 * @param open must reject with `code: 'EADDRINUSE'` and leave nothing open where the port is taken
 */
export async function onFreePort<T>(
  what: string,
  preferred: number,
  tell: (message: string) => void,
  open: (port: number) => Promise<T>
): Promise<T> {
  for (let port = preferred; ; port++) {
    try {
      const opened = await open(port)
      if (port !== preferred) tell(`Port ${preferred} is taken: the ${what} uses ${port} instead.`)
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
  /** For a child process to inherit. */
  readonly fd: number
  /** Closes our copy; a child that inherited it goes on listening. */
  release(): void
}

/** Binds a port before it is known who will serve it, so that its number can go into settings without a race. */
export async function reservePort(port: number, host: string): Promise<ReservedPort> {
  const server = createServer(socket => socket.destroy())
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`no TCP port was bound on "${host}"`)
  return { port: address.port, fd: fdOf(server), release: () => server.close() }
}

/** Node has no public name for it; `child_process` reads the same member when it is given a handle. */
function fdOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
