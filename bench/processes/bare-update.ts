/** A process that updates one session row after the other by primary key: the minimum that a refresh needs. */

import postgres from 'postgres'
import { answerParent } from './answer-parent.ts'

/** The rows to update, and for how long. */
export interface UpdateTask {
  readonly databaseUrl: string
  /** Primary keys in `sessions`. */
  readonly ids: readonly string[]
  readonly connections: number
  readonly warmSeconds: number
  readonly seconds: number
}

/** The time of each update, in milliseconds. */
export type UpdateTimes = readonly number[]

answerParent<UpdateTask>(async ({ databaseUrl, ids, connections, warmSeconds, seconds }) => {
  const sql = postgres(databaseUrl, { max: connections, onnotice: () => {} })
  const beginMs = performance.now() + warmSeconds * 1000
  const endMs = beginMs + seconds * 1000
  const times: number[] = []
  let turn = 0
  const update = async () => {
    for (;;) {
      const id = ids[turn++ % ids.length] ?? ''
      const startedMs = performance.now()
      const rows = await sql`
        update sessions set refresh_counter = refresh_counter + 1, last_used_at = now() where id = ${id} returning *`
      const nowMs = performance.now()
      if (rows.length !== 1) throw new Error(`the update found ${rows.length} rows`)
      if (nowMs >= endMs) return
      if (nowMs >= beginMs) times.push(nowMs - startedMs)
    }
  }
  await Promise.all(Array.from({ length: connections }, update))
  await sql.end()
  return times satisfies UpdateTimes
})
