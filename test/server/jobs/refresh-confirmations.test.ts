/** First uses of access tokens: noted once, written in batches, and kept while the database is away. */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { type Database, openDatabase } from '../../../db/client.ts'
import { createRefreshConfirmations } from '../../../server/jobs/refresh-confirmations.ts'
import { migratedDatabase } from '../../lib/test-engines.ts'

const databaseUrl = await migratedDatabase(t)
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
const database = openDatabase({ url: databaseUrl })
t.teardown(() => Promise.all([sql.end(), database.close()]))

const client = { address: '192.0.2.1', userAgent: 'a thief', requestId: randomUUID() }
const request = { client }
const NOW = Math.floor(Date.now() / 1000)
const userId = randomUUID()
await sql`insert into users (id, email, name, password_hash, email_verified, sealed_audit_key, created_at, updated_at)
  values (${userId}, 'ada@example.com', 'Ada', '', true, '', now(), now())`

async function newSession(counter: number, more: { ended?: boolean; handedAgain?: boolean } = {}): Promise<string> {
  const id = randomUUID()
  await sql`insert into sessions (id, user_id, refresh_counter, remembered, ip_address, user_agent, created_at,
      last_used_at, idle_expires_at, expires_at, ended_at, late_handouts)
    values (${id}, ${userId}, ${counter}, false, '', '', now(), now(), now() + interval '1 day',
      now() + interval '1 day', ${more.ended ? new Date() : null}, ${sql.json(more.handedAgain ? [[counter, Date.now()]] : [])})`
  return id
}

const isConfirmed = async (id: string) => {
  const [row] = await sql`select refresh_confirmed from sessions where id = ${id}`
  return row?.refresh_confirmed
}

const stolen: string[] = []
const openConfirmations = (over: Database = database) =>
  createRefreshConfirmations({
    database: over,
    endStolen: async ({ session }, by) => void stolen.push(`${session.id} by ${by.userAgent}`)
  })

/** A database that is away, or that only counts its calls. */
function stub(answer: () => Promise<unknown>): Database {
  const run = (async () => answer()) as Database['run']
  return { run, transaction: run, close: async () => {} }
}

t.test('write() confirms the current token of each live session whose access token was used', async t => {
  const [current, newer, ended] = [await newSession(3), await newSession(4), await newSession(3, { ended: true })]
  const confirmations = openConfirmations()
  for (const sid of [current, newer, ended]) confirmations.note({ sid, rot: 3, iat: NOW }, request)
  await confirmations.write()
  t.strictSame(await Promise.all([current, newer, ended].map(isConfirmed)), [true, false, false])
})

t.test('write() ends the session of a token that was requested again, and does not confirm it', async t => {
  const [old, young] = [await newSession(2, { handedAgain: true }), await newSession(2, { handedAgain: true })]
  const confirmations = openConfirmations()
  confirmations.note({ sid: young, rot: 2, iat: NOW }, request)
  confirmations.note({ sid: old, rot: 2, iat: NOW }, request)
  confirmations.note({ sid: old, rot: 2, iat: NOW - 900 }, request)
  await confirmations.write()
  t.strictSame(stolen, [`${old} by a thief`], 'the older of two tokens is the one that counts')
  t.strictSame(await Promise.all([old, young].map(isConfirmed)), [false, true])
})

t.test('a use is written once, and again if the database refused it', async t => {
  let [calls, isAway] = [0, true]
  const confirmations = openConfirmations(
    stub(async () => {
      calls++
      if (isAway) throw new Error('away')
      return []
    })
  )
  const claims = { sid: randomUUID(), rot: 1, iat: NOW }
  confirmations.note(claims, request)
  await t.rejects(confirmations.write())
  isAway = false
  await confirmations.write()
  t.equal(calls, 2)
  confirmations.note(claims, request)
  confirmations.note({ ...claims, rot: 0 }, request)
  await confirmations.write()
  t.equal(calls, 2, 'nothing new')
})

t.test('write() writes the uses noted before it, so that it ends while requests go on', async t => {
  let calls = 0
  const confirmations = openConfirmations(
    stub(async () => {
      calls++
      confirmations.note({ sid: randomUUID(), rot: 1, iat: NOW }, request)
      return []
    })
  )
  confirmations.note({ sid: randomUUID(), rot: 1, iat: NOW }, request)
  await confirmations.write()
  t.equal(calls, 1)
})

t.test('a session that was forgotten for lack of room is noted again', async t => {
  let [written, isAway] = [0, true]
  const confirmations = openConfirmations(
    stub(async () => {
      if (isAway) throw new Error('away')
      written++
      return []
    })
  )
  const oldest = { sid: randomUUID(), rot: 1, iat: NOW }
  confirmations.note(oldest, request)
  for (let i = 0; i < 20_000; i++) confirmations.note({ sid: randomUUID(), rot: 1, iat: NOW }, request)
  await t.rejects(confirmations.write())
  isAway = false
  await confirmations.write()
  t.equal(written, 40, 'twenty thousand in batches of five hundred')
  confirmations.note(oldest, request)
  await confirmations.write()
  t.equal(written, 41)
})
