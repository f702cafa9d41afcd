/** Derived keys: one key for each purpose and secret. Also ids and emailed tokens, which come from random bytes. */

import t from 'tap'
import { isUuid } from '../../../../edge/contract/uuid.ts'
import { type DerivedKey, deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createId } from '../../../../server/lib/crypto/ids.ts'
import { createMailedToken, hashMailedToken } from '../../../../server/lib/crypto/mailed-token.ts'

const bytesOf = ({ secret }: DerivedKey) => secret.export().toString('hex')

t.test('deriveKeys() gives each purpose and each secret a key and an id of its own', async t => {
  const keys = Object.values(
    deriveKeys(['a first root secret of good length', 'another root secret of good length'])
  ).flat()
  t.equal(new Set(keys.map(key => bytesOf(key))).size, keys.length)
  t.equal(new Set(keys.map(key => key.id)).size, keys.length)
  t.ok(keys.every(key => key.secret.symmetricKeySize === 32))
})

t.test('deriveKeys() gives the same keys for the same secrets, newest first', async t => {
  const once = deriveKeys(['newest', 'oldest'])
  const again = deriveKeys(['newest', 'oldest'])
  t.strictSame(Object.values(once).flat().map(bytesOf), Object.values(again).flat().map(bytesOf))
  t.equal(bytesOf(once['refresh-token'][0]), bytesOf(deriveKeys(['newest'])['refresh-token'][0]))
  t.equal(once['refresh-token'][0].id, again['refresh-token'][0].id)
})

t.test('the id of a key reveals nothing about the key', async t => {
  for (const key of Object.values(deriveKeys(['a root secret'])).flat()) {
    t.match(key.id, /^[0-9a-f]{8}$/)
    t.notOk(bytesOf(key).includes(key.id))
  }
})

t.test('createId() makes canonical ids that sort by their time and never repeat', async t => {
  const times = [0, 1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 47]
  const ids = times.map(createId)
  t.strictSame([...ids].sort(), ids)
  t.ok(ids.every(isUuid))
  t.equal(new Set(Array.from({ length: 1000 }, () => createId(1))).size, 1000)
})

t.test('createMailedToken() never ends in a character that email programs cut off', async t => {
  const ends = new Set(Array.from({ length: 20_000 }, () => createMailedToken().token.at(-1)))
  t.equal([...ends].sort().join(''), '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
})

t.test('createMailedToken() gives 192 bits as a path segment, and the hash under which they are stored', async t => {
  const { token, hash } = createMailedToken()
  t.match(token, /^[A-Za-z0-9_-]{32}$/)
  t.strictSame(hashMailedToken(token), hash)
  t.notOk(hash.includes(token))
  t.equal(new Set(Array.from({ length: 1000 }, () => createMailedToken().token)).size, 1000)
})
