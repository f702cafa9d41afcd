/** Cursors of lists: the place of the last item, opaque to clients. */

import { isUuid } from '../../../edge/contract/uuid.ts'

/** A place in a list that is in the order of (at, id). */
export interface Place {
  readonly at: Date
  readonly id: string
}

/** Writes a place as a cursor. */
export function formatCursor({ at, id }: Place): string {
  return Buffer.from(`${at.getTime()}.${id}`).toString('base64url')
}

/** @returns `undefined` for anything that `formatCursor` has not written */
export function parseCursor(cursor: string): Place | undefined {
  const [, ms, id = ''] = /^(\d{1,14})\.(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (ms === undefined || !isUuid(id)) return undefined
  const place = { at: new Date(Number(ms)), id }
  return formatCursor(place) === cursor ? place : undefined
}
