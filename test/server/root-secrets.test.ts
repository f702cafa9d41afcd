/** Root secrets rotate: a new one is put in front, everything is sealed again, and the old one can go. */

import postgres from 'postgres'
import t from 'tap'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const OLD = 'the old root secret that has to go one day'
const NEW = 'the new root secret that takes its place now'
const AUTH = '/api/v1/auth'

t.test('what the old root secret has sealed is sealed again, and then nothing needs it any more', async t => {
  const { url, mailbox, databaseUrl, another } = await openTestOrigin(t, { ROOT_SECRETS: OLD })
  const ada = await signUp(url, mailbox)
  const credentials = { email: ada.email, password: PASSWORD }
  const sql = postgres(databaseUrl, { max: 1 })
  t.teardown(() => sql.end())

  const both = await another({ ROOT_SECRETS: `${NEW},${OLD}` })
  const { newestKeyId } = createSealedBox(deriveKeys([NEW]))
  await until('everything is sealed under the new one', async () => {
    const [row] = await sql`
      select count(*)::int as n from (
        select sealed_private_key as sealed from signing_keys union all select sealed_audit_key from users
      ) all_keys where encode(substring(sealed from 1 for 4), 'hex') <> ${newestKeyId}`
    return row?.n === 0
  })
  t.equal(
    (await call(both.url, 'POST', `${AUTH}/login`, { body: credentials })).status,
    200,
    'the password is rehashed'
  )

  const alone = await another({ ROOT_SECRETS: NEW })
  const login = await call(alone.url, 'POST', `${AUTH}/login`, { body: credentials })
  t.equal(login.status, 200, 'an origin without the old one signs people in')
  t.equal(
    (await call(alone.url, 'GET', `${AUTH}/verify-token`, { token: ada.accessToken })).status,
    200,
    'with the same key'
  )
  const exported = await call(alone.url, 'GET', '/api/v1/users/me/export', { token: login.body.accessToken })
  t.equal(exported.body.securityEvents.at(-1).ipAddress, '127.0.0.1', 'and reads what was recorded before')
})
