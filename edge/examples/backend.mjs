/** A backend in Node behind the edge, without packages: it answers only requests that the edge has signed. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

// Two while EDGE_SECRET is changed: the new one, the old one.
const secrets = process.env.EDGE_SECRETS.split(',')

function cameThroughTheEdge({ method, url, headers }) {
  const time = headers['x-gatehouse-time']
  const hop = ['gatehouse-hop-1', method, url, headers['x-gatehouse-client-address'], time, headers['x-request-id']]
  const signature = Buffer.from(String(headers['x-gatehouse-signature']), 'hex')
  const isGenuine = secrets.some(secret => {
    const expected = createHmac('sha256', secret).update(hop.join('\n')).digest()
    return signature.length === expected.length && timingSafeEqual(signature, expected)
  })
  const ageMs = Date.now() - Number(time)
  return isGenuine && ageMs <= 30_000 && ageMs >= -5_000
}

const server = createServer((request, response) => {
  if (!cameThroughTheEdge(request)) return response.writeHead(403).end()
  const [path] = request.url.split('?')
  if (path === '/health') return response.end('ok')
  // A preflight has no token.
  if (request.method === 'OPTIONS') return response.writeHead(204).end()
  // The route requires a token, so the edge has verified it.
  const payload = request.headers.authorization.split('.')[1]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  response.end(`orders of ${claims.sub}`)
})
server.listen(process.env.PORT ?? 8080, () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`)
})
