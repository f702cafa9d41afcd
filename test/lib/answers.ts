/** Exits with 0 where every port given as an argument accepts connections on this machine. */

import { connect } from 'node:net'

const accepts = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('timeout', () => settle(false))
  })

const answers = await Promise.all(process.argv.slice(2).map(port => accepts(Number(port))))
process.exitCode = answers.every(Boolean) ? 0 : 1
