/** A WebSocket (RFC 6455) through the edge in workerd: let through like any request, then handed on frame by frame. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import t, { type Test } from 'tap'
import { openSurroundings, WORKERD } from '../lib/edge-places.ts'

/** An origin that speaks nothing but WebSocket, and answers each short text with its capitals. */
async function openEcho(t: Test): Promise<{ url: string; upgrades: IncomingMessage[] }> {
  const upgrades: IncomingMessage[] = []
  const sockets: Duplex[] = []
  const server = createServer((_request, response) => response.writeHead(426).end())
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    upgrades.push(request)
    sockets.push(socket)
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
    )
    socket.on('data', (frame: Buffer) => {
      if ((frame[0] ?? 0) % 16 === 1) socket.write(textFrame(unmasked(frame).toUpperCase()))
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, upgrades }
}

/** The text of one frame of a client, shorter than 126 bytes (RFC 6455 §5.2). */
function unmasked(frame: Buffer): string {
  const mask = frame.subarray(2, 6)
  return frame
    .subarray(6)
    .map((byte, i) => byte ^ (mask[i % 4] ?? 0))
    .toString()
}

const textFrame = (text: string) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])

t.test('a WebSocket to the origin is let through, signed, and echoes', async t => {
  const echo = await openEcho(t)
  const { bindings } = await openSurroundings(t)
  const edge = await WORKERD.open(t, { ...bindings, ORIGIN_URL: echo.url })
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/live`)
  t.teardown(() => socket.close())
  await once(socket, 'open')
  for (const text of ['hello', 'and again']) {
    socket.send(text)
    const [event] = (await once(socket, 'message')) as [MessageEvent]
    t.equal(event.data, text.toUpperCase())
  }
  t.match(echo.upgrades[0]?.headers, {
    upgrade: 'websocket',
    'x-gatehouse-client-address': '127.0.0.1',
    'x-gatehouse-signature': /^[0-9a-f]{64}$/
  })
})

t.test('a WebSocket to a protected path is refused without a token', async t => {
  const echo = await openEcho(t)
  const { bindings } = await openSurroundings(t)
  const edge = await WORKERD.open(t, {
    ...bindings,
    ORIGIN_URL: echo.url,
    JWKS_URL: `${bindings.ORIGIN_URL}/.well-known/jwks.json`
  })
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/api/v1/users/me`)
  const [event] = (await once(socket, 'error')) as [Event]
  t.ok(event)
  t.equal(echo.upgrades.length, 0, 'and never reaches the origin')
})
