/**
 * A process with an origin that costs almost nothing, so that the edge in front of it dominates the measurement. Over plain
 * TCP it answers every GET with the time of arrival, or with one key set.
 */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { ConstantOriginQuestion } from '../lib/edges.ts'
import { answerParent } from './answer-parent.ts'

const JWKS_TARGET = 'GET /.well-known/jwks.json '
const END_OF_HEAD = '\r\n\r\n'

let jwks = ''

const server = createServer({ noDelay: true }, socket => {
  let unread = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', chunk => {
    // `CLOCK_MONOTONIC`, which all processes of a machine share.
    const arrivedNs = process.hrtime.bigint()
    unread += chunk.toString('latin1')
    for (let end = unread.indexOf(END_OF_HEAD); end >= 0; end = unread.indexOf(END_OF_HEAD)) {
      const isForKeys = unread.startsWith(JWKS_TARGET)
      unread = unread.slice(end + END_OF_HEAD.length)
      socket.write(answer(isForKeys ? jwks : `{"ok":true,"arrivedNs":"${arrivedNs}"}`))
    }
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

/** Answers with the URL that it listens on. */
answerParent<ConstantOriginQuestion>(question => {
  jwks = question.jwks
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
