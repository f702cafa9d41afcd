/** The CORS headers: only listed origins may read answers. */

import t from 'tap'
import { corsHeaders, EXPOSED_HEADERS } from '../../../edge/contract/cors.ts'

const ALLOWED = ['https://app.example.com', 'http://localhost:5173']

t.test('corsHeaders() answers a listed origin with its name, credentials and the readable headers', async t => {
  for (const origin of ALLOWED) {
    t.strictSame(corsHeaders(origin, ALLOWED), {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': EXPOSED_HEADERS
    })
  }
})

t.test('corsHeaders() answers any other origin with Vary only', async t => {
  // biome-ignore format: one value a line would hide the list
  const others = [
    null, undefined, '', 'null', '*', 'https://app.example.com/', 'https://app.example.com:443', 'http://app.example.com',
    'https://APP.example.com', 'https://app.example.com.evil.example', 'https://evil.example?https://app.example.com',
    'https://xapp.example.com', 'https://app.example.com, https://evil.example', 'http://localhost:51730', '__proto__', 'length'
  ]
  for (const origin of others) t.strictSame(corsHeaders(origin, ALLOWED), { vary: 'Origin' }, String(origin))
  t.strictSame(corsHeaders('https://app.example.com', []), { vary: 'Origin' }, 'no origin, where none is listed')
})

t.test('a browser may read the fields of the contract', async t => {
  const exposed = new Set(EXPOSED_HEADERS.toLowerCase().split(', '))
  for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id', 'www-authenticate']) {
    t.ok(exposed.has(name), name)
  }
})
