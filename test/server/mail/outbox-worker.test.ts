/**
 * The outbox worker over a real database: each email is sent once, retried, given up in time, and keeps no secret.
 *
 * Over 200 lines: all cases share one database and one driven transport.
 */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../../db/client.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { deriveKeys } from '../../../server/lib/crypto/derived-keys.ts'
import { createSealedBox } from '../../../server/lib/crypto/sealed-box.ts'
import { type MailKind, outboxMail } from '../../../server/lib/mail/outbox-mail.ts'
import type { MailBounds } from '../../../server/mail/mail-bounds.ts'
import { createOutboxPass } from '../../../server/mail/outbox-worker.ts'
import type { Envelope } from '../../../server/mail/transport.ts'
import { migratedDatabase } from '../../lib/test-engines.ts'

const url = await migratedDatabase(t)
const database = openDatabase({ url })
t.teardown(() => database.close())
const sql = postgres(url, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

const box = createSealedBox(deriveKeys(['a root secret for the outbox of this test']))
const START_MS = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000
const TOKEN = 'a-mailed-token'

/** A worker with a clock and a mail server that the test drives. */
function worker(send: (mail: Envelope) => Promise<void> = async () => {}, bounds: MailBounds = async () => true) {
  const clock = { nowMs: START_MS }
  const sent: Envelope[] = []
  const warnings: object[] = []
  const transport = {
    close: () => {},
    send: async (mail: Envelope) => {
      await send(mail)
      sent.push(mail)
    }
  }
  const pass = createOutboxPass({
    database,
    transport,
    box,
    publicUrl: 'https://auth.example.com',
    bounds,
    nowMs: () => clock.nowMs,
    log: { warn: fields => warnings.push(fields) }
  })
  return { clock, sent, warnings, pass }
}

/** Puts an email into an otherwise empty outbox. */
async function order(kind: MailKind = 'verify-email', lifeMs = HOUR_MS): Promise<string> {
  await sql`delete from outbox`
  return add(kind, lifeMs)
}

async function add(kind: MailKind, lifeMs: number): Promise<string> {
  const recipient = `${randomUUID()}@example.com`
  const mail = outboxMail(box, { kind, recipient, token: TOKEN, expiresAt: new Date(START_MS + lifeMs) }, START_MS)
  await database.run(db => insertOutboxMail(db, mail))
  return mail.id
}

const rowOf = async (id: string) => (await sql`select * from outbox where id = ${id}`)[0]

t.test('an email is sent once, under a stable Message-ID, and its token is wiped', async t => {
  const id = await order()
  t.notOk(String((await rowOf(id))?.sealed_token).includes(TOKEN), 'the token is not stored in plain')
  const { pass, sent } = worker()
  t.equal(await pass(), 1)
  t.equal(await pass(), 0)
  t.equal(sent.length, 1)
  t.match(sent[0], {
    messageId: `<${id}@auth.example.com>`,
    text: `https://auth.example.com/verify-email#token=${TOKEN}`
  })
  t.match(await rowOf(id), { sealed_token: null, dead_at: null, attempts: 1 })
  t.ok((await rowOf(id))?.sent_at)
})

t.test('an email that could not be sent is retried, with growing pauses, under the same Message-ID', async t => {
  const id = await order()
  let isDown = true
  const attempted: string[] = []
  const { clock, pass, sent, warnings } = worker(async mail => {
    attempted.push(mail.messageId)
    if (isDown) throw Object.assign(new Error('refused: secret text'), { code: 'ECONNREFUSED' })
  })
  const waits: number[] = []
  for (let i = 0; i < 12; i++) {
    t.equal(await pass(), 1)
    t.equal(await pass(), 0, 'not before it is due')
    const dueMs = Number((await rowOf(id))?.due_at)
    waits.push(dueMs - clock.nowMs)
    clock.nowMs = dueMs
  }
  t.strictSame(waits.slice(0, 4), [1000, 2000, 4000, 8000])
  t.equal(Math.max(...waits), 300_000)
  t.match(await rowOf(id), { last_error: 'ECONNREFUSED', sent_at: null })
  t.notMatch(JSON.stringify(warnings), 'secret text')

  isDown = false
  await pass()
  t.equal(sent.length, 1)
  t.equal(new Set(attempted).size, 1)
})

t.test(
  'an email counts once against its bound, however often it is tried, and an email beyond the bound is given up',
  async t => {
    const id = await order('password-changed')
    let [counted, isDown] = [0, true]
    const send = async () => {
      if (isDown) throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
    }
    const { clock, pass, sent, warnings } = worker(send, async () => ++counted === 1)
    await pass()
    clock.nowMs += HOUR_MS / 2
    isDown = false
    await pass()
    t.equal(counted, 1)
    t.equal(sent.length, 1)

    const beyond = await add('password-changed', HOUR_MS)
    await pass()
    t.equal(counted, 2)
    t.equal(sent.length, 1)
    t.match(await rowOf(beyond), { sealed_token: null, parameters: {}, sent_at: null })
    t.ok((await rowOf(beyond))?.dead_at)
    t.match(warnings.at(-1), { mailId: beyond, kind: 'password-changed' })
    t.ok((await rowOf(id))?.sent_at)
  }
)

t.test('an expired email is given up, and keeps no token', async t => {
  const id = await order('verify-email', 10_000)
  const { clock, pass, sent } = worker(async () => {
    throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
  })
  await pass()
  clock.nowMs = START_MS + 10_000
  await pass()
  t.match(await rowOf(id), { sealed_token: null, sent_at: null, last_error: 'ECONNREFUSED' })
  t.ok((await rowOf(id))?.dead_at)
  clock.nowMs += HOUR_MS
  t.equal(await pass(), 0)
  t.equal(sent.length, 0)
})

t.test('several workers at once never send an email twice', async t => {
  await order()
  for (let i = 1; i < 30; i++) await add('verify-email', HOUR_MS)
  const workers = [worker(), worker(), worker()]
  const untilEmpty = async ({ pass }: ReturnType<typeof worker>) => {
    while ((await pass()) > 0);
  }
  await Promise.all(workers.map(untilEmpty))
  const ids = workers.flatMap(({ sent }) => sent.map(mail => mail.messageId))
  t.equal(ids.length, 30)
  t.equal(new Set(ids).size, 30)
})

t.test(
  'a worker with a slow mail server starts no attempt near the end of its lease, and another worker takes over',
  async t => {
    await order()
    for (let i = 1; i < 10; i++) await add('verify-email', HOUR_MS)
    const slow = worker(async () => {
      slow.clock.nowMs += 25_000
    })
    const other = worker()
    await slow.pass()
    const leases = await sql`select due_at from outbox where sent_at is null`
    t.ok(slow.sent.length < 10 && leases.length === 10 - slow.sent.length)
    t.ok(
      leases.every(row => Number(row.due_at) > slow.clock.nowMs),
      'no other worker could have claimed one'
    )

    other.clock.nowMs = START_MS + HOUR_MS / 2
    await other.pass()
    const ids = [...slow.sent, ...other.sent].map(mail => mail.messageId)
    t.equal(ids.length, 10)
    t.equal(new Set(ids).size, 10)
  }
)

t.test('after the lease of a dead worker another worker sends its email', async t => {
  const id = await order()
  await sql`update outbox set due_at = ${new Date(START_MS + 120_000)}, attempts = 1 where id = ${id}`
  const { clock, pass, sent } = worker()
  t.equal(await pass(), 0)
  clock.nowMs = START_MS + 120_000
  t.equal(await pass(), 1)
  t.equal(sent.length, 1)
})

t.test('an email that cannot be rendered delays no other one', async t => {
  const broken = await order()
  await sql`update outbox set sealed_token = '\\x00' where id = ${broken}`
  const good = await add('refresh-reused', HOUR_MS)
  const { pass, sent } = worker()
  t.equal(await pass(), 2)
  t.equal(sent.length, 1)
  t.ok((await rowOf(good))?.sent_at)
  t.match(await rowOf(broken), { sent_at: null, last_error: 'failed' })
})

t.test('the email about a deletion leaves no trace of the email address, sent or not', async t => {
  const sentId = await order('account-deleted')
  await worker().pass()
  t.equal(await rowOf(sentId), undefined, 'sent')

  const beyond = await order('account-deleted')
  await worker(undefined, async () => false).pass()
  t.equal(await rowOf(beyond), undefined, 'beyond its bound')

  const expired = await order('account-deleted', 10_000)
  const { clock, pass } = worker()
  clock.nowMs = START_MS + 10_000
  await pass()
  t.equal(await rowOf(expired), undefined, 'expired')
})
