/** One request, one id: made at the edge, on the answer, in the problem, and in the audit log of the database. */

import postgres from 'postgres'
import t from 'tap'
import { isUuid } from '../../edge/contract/uuid.ts'
import { call, newAddress, PASSWORD } from '../lib/person.ts'
import { openTestStack } from '../lib/test-stack.ts'
import { until } from '../lib/until.ts'

t.test('the id of an answer from the edge finds its event in the database', async t => {
  const { edge, databaseUrl } = await openTestStack(t)
  const sql = postgres(databaseUrl, { max: 1 })
  t.teardown(() => sql.end())
  const claimed = '0197a1b2-0000-7000-8000-00000000dead'
  const { status, headers, body } = await call(edge, 'POST', '/api/v1/auth/login', {
    body: { email: newAddress(), password: PASSWORD },
    headers: { 'x-request-id': claimed }
  })
  const id = headers.get('x-request-id')
  t.equal(status, 401)
  t.ok(isUuid(id))
  t.not(id, claimed, 'and it is ours, whatever a client says')
  t.equal(body.requestId, id)
  const rows = await until('the event is written', async () => {
    const found = await sql`select kind, outcome from audit_events where request_id = ${id}`
    return found.length > 0 && found
  })
  t.match([...rows], [{ kind: /login/, outcome: 'failure' }])
})
