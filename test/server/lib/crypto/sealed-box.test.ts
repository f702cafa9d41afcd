/** Values can be unsealed only unaltered, under their own label, and with a root secret that is still configured. */

import t from 'tap'
import { deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createSealedBox } from '../../../../server/lib/crypto/sealed-box.ts'

const NEW_SECRET = 'a root secret that is the newest of all'
const OLD_SECRET = 'a root secret that was the newest before'
const box = createSealedBox(deriveKeys([NEW_SECRET]))
const plain = Buffer.from('what must be readable again')

t.test('unseal() returns the bytes that seal() received, and the sealed value shows none of them', async t => {
  const sealed = box.seal(plain, 'outbox:1')
  t.strictSame(Buffer.from(box.unseal(sealed, 'outbox:1')), plain)
  t.notOk(sealed.includes('readable'))
  t.strictSame(Buffer.from(box.unseal(box.seal(Buffer.alloc(0), 'empty'), 'empty')), Buffer.alloc(0))
})

t.test('seal() never gives the same bytes twice', async t => {
  t.notSame(box.seal(plain, 'outbox:1'), box.seal(plain, 'outbox:1'))
})

t.test('unseal() refuses another label', async t => {
  const sealed = box.seal(plain, 'outbox:1')
  for (const label of ['outbox:2', 'outbox:', '', 'signing-key:1']) t.throws(() => box.unseal(sealed, label), label)
})

t.test('unseal() refuses a value with any byte altered, cut off or added', async t => {
  const sealed = box.seal(plain, 'outbox:1')
  const altered = Array.from(sealed, (_, at) => {
    const copy = Buffer.from(sealed)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  })
  const cut = Array.from(sealed, (_, length) => sealed.subarray(0, length))
  const opened = [...altered, ...cut, Buffer.concat([sealed, Buffer.alloc(1)])].filter(one => {
    try {
      return box.unseal(one, 'outbox:1')
    } catch {
      return false
    }
  })
  t.equal(opened.length, 0)
})

t.test(
  'a value under an older root secret is unsealed; without that secret the error names its key and the setting',
  async t => {
    const old = createSealedBox(deriveKeys([OLD_SECRET])).seal(plain, 'outbox:1')
    t.strictSame(Buffer.from(createSealedBox(deriveKeys([NEW_SECRET, OLD_SECRET])).unseal(old, 'outbox:1')), plain)
    t.throws(() => box.unseal(old, 'outbox:1'), { message: /"[0-9a-f]{8}".*ROOT_SECRETS/ })
  }
)
