/** A consumer's service: one protected route, requested without a token and with the one of the command line. */

import process from 'node:process'
import Fastify from 'fastify'
import { type GatehouseOptions, gatehouse } from 'gatehouse/fastify'
import { parsePolicies } from 'gatehouse/gateway'

const [issuer = '', jwksUrl = '', token = ''] = process.argv.slice(2)
const options: GatehouseOptions = { issuer, audience: issuer, jwksUrl }
const app = Fastify()
await app.register(gatehouse, options)
app.get('/mine', { onRequest: app.authenticate }, async request => ({ sub: request.user.sub }))
app.get('/reports', { onRequest: app.requireRole('admin') }, async () => ({}))

const statuses: number[] = []
for (const [url, headers] of [
  ['/mine', {}],
  ['/mine', { authorization: `Bearer ${token}` }],
  ['/reports', { authorization: `Bearer ${token}` }]
] as const) {
  statuses.push((await app.inject({ url, headers })).statusCode)
}
await app.close()
process.stdout.write(JSON.stringify({ statuses, policies: parsePolicies({}).ok }))
