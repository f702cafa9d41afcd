/** Stored passwords: correct and outdated ones. Length, rotation and the decoy change no answer and no time. */

import bcrypt from 'bcrypt'
import t from 'tap'
import { deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createHashQueue } from '../../../../server/lib/passwords/hash-queue.ts'
import { createPasswordHasher } from '../../../../server/lib/passwords/password-hash.ts'

const NEW_SECRET = 'a root secret that is the newest of all'
const OLD_SECRET = 'a root secret that was the newest before'
const COST = 4

const hasherOf = (secrets: readonly [string, ...string[]], cost = COST) =>
  createPasswordHasher({
    keys: deriveKeys(secrets),
    cost,
    queue: createHashQueue({ concurrency: 1, maxWaiting: 10 })
  })

t.test('check() accepts the password and no other', async t => {
  const hasher = await hasherOf([NEW_SECRET])
  const stored = await hasher.hash('Correct-horse-7')
  t.strictSame(await hasher.check('Correct-horse-7', stored), { correct: true, outdated: false })
  for (const wrong of ['correct-horse-7', 'Correct-horse-7 ', ' Correct-horse-7', '', 'Correct-horse-']) {
    t.notOk((await hasher.check(wrong, stored)).correct, JSON.stringify(wrong))
  }
})

t.test('hash() salts: the same password is never stored the same way twice', async t => {
  const hasher = await hasherOf([NEW_SECRET])
  t.not(await hasher.hash('Correct-horse-7'), await hasher.hash('Correct-horse-7'))
})

t.test('passwords that differ only where bcrypt stops reading differ', async t => {
  const hasher = await hasherOf([NEW_SECRET])
  const base = 'x'.repeat(72)
  const stored = await hasher.hash(`${base}A`)
  t.ok((await hasher.check(`${base}A`, stored)).correct)
  t.notOk((await hasher.check(`${base}B`, stored)).correct, 'after 72 bytes')
  t.notOk((await hasher.check(base, stored)).correct)
  const withNul = await hasher.hash('before\0after')
  t.ok((await hasher.check('before\0after', withNul)).correct)
  t.notOk((await hasher.check('before\0other', withNul)).correct, 'after a NUL')
})

t.test('two spellings of one password are one password (NFKC)', async t => {
  const hasher = await hasherOf([NEW_SECRET])
  const stored = await hasher.hash('Caf\u00e9-Zeit-7')
  t.ok((await hasher.check('Cafe\u0301-Zeit-7', stored)).correct)
  t.ok((await hasher.check('Ｃaf\u00e9-Zeit-7', stored)).correct)
})

t.test('without the pepper a stolen hash does not match its own password', async t => {
  const stored = await (await hasherOf([NEW_SECRET])).hash('Correct-horse-7')
  const digest = stored.split(':')[2] ?? ''
  t.match(digest, /^\$2b\$04\$/)
  t.notOk(await bcrypt.compare('Correct-horse-7', digest))
})

t.test('imported plain bcrypt is accepted and outdated', async t => {
  const hasher = await hasherOf([NEW_SECRET])
  const imported = await bcrypt.hash('Correct-horse-7', COST)
  t.strictSame(await hasher.check('Correct-horse-7', imported), { correct: true, outdated: true })
  t.notOk((await hasher.check('Correct-horse-8', imported)).correct)
})

t.test('a hash of lower cost is correct and outdated, one of higher cost is not outdated', async t => {
  const stored = await (await hasherOf([NEW_SECRET], 5)).hash('Correct-horse-7')
  t.strictSame(await (await hasherOf([NEW_SECRET], 6)).check('Correct-horse-7', stored), {
    correct: true,
    outdated: true
  })
  t.strictSame(await (await hasherOf([NEW_SECRET], 4)).check('Correct-horse-7', stored), {
    correct: true,
    outdated: false
  })
})

t.test('a hash under an older root secret is correct and outdated', async t => {
  const stored = await (await hasherOf([OLD_SECRET])).hash('Correct-horse-7')
  const rotated = await hasherOf([NEW_SECRET, OLD_SECRET])
  t.strictSame(await rotated.check('Correct-horse-7', stored), { correct: true, outdated: true })
})

t.test('a hash whose root secret is gone matches no password, and costs the same work', async t => {
  const stored = await (await hasherOf([OLD_SECRET])).hash('Correct-horse-7')
  const check = await (await hasherOf([NEW_SECRET])).check('Correct-horse-7', stored)
  t.equal(check.correct, false)
})

t.test('a wrong password costs exactly the configured work, even with a cheaper stored hash', async t => {
  const { compare } = bcrypt
  const costs: number[] = []
  bcrypt.compare = ((password: string, digest: string) => {
    costs.push(bcrypt.getRounds(digest))
    return compare(password, digest)
  }) as typeof bcrypt.compare
  t.teardown(() => {
    bcrypt.compare = compare
  })
  const hasher = hasherOf([NEW_SECRET], 7)
  const costsOf = async (...given: Parameters<typeof hasher.check>) => {
    costs.length = 0
    await hasher.check(...given)
    return [...costs]
  }
  const rounds = (of: readonly number[]) => of.reduce((sum, cost) => sum + 2 ** cost, 0)
  const imported = await bcrypt.hash('Correct-horse-7', 4)
  t.strictSame(await costsOf('Wrong-horse-7', imported), [4, 4, 5, 6])
  for (const stored of [undefined, imported, await hasherOf([NEW_SECRET], 6).hash('x'), await hasher.hash('x')]) {
    t.equal(rounds(await costsOf('Wrong-horse-7', stored)), 2 ** 7, String(stored))
  }
  const php = imported.replace('$2b$', '$2y$')
  t.strictSame(await costsOf('Correct-horse-7', php), [4], 'the right one is hashed again afterwards anyway')
  t.equal(rounds(await costsOf('Correct-horse-7', php, 'always')), 2 ** 7, 'unless it leads to nothing')
})

t.test('an unknown email address is compared with a decoy of the configured cost, and never correct', async t => {
  const calls: string[] = []
  const real = createHashQueue({ concurrency: 1, maxWaiting: 10 })
  const queue: typeof real = {
    ...real,
    run: work => {
      calls.push('work')
      return real.run(work)
    }
  }
  const hasher = await createPasswordHasher({ keys: deriveKeys([NEW_SECRET]), cost: 6, queue })
  const stored = await hasher.hash('Correct-horse-7')
  calls.length = 0
  t.strictSame(await hasher.check('', undefined), { correct: false, outdated: false }, 'not even with its own password')
  t.equal(calls.length, 1, 'one piece of work')
  await hasher.check('Correct-horse-7', stored)
  t.equal(calls.length, 2, 'as for a known one')
})
