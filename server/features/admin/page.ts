/** Pages of a list that is in the order of (at, id). */

import { failure, type Result, success } from '../../lib/result.ts'
import { formatCursor, type Place, parseCursor } from './cursor.ts'

/** What a client asks of a list. */
export interface ListQuery {
  readonly cursor: string | undefined
  readonly limit: number
}

/** One page of a list; `next` is the cursor of the page after it, where there is one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}

/** Reads the place behind which a page begins; `undefined` is the beginning of the list. */
export function placeOf(cursor: string | undefined): Result<Place | undefined> {
  const place = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor === undefined || place !== undefined) return success(place)
  const detail = 'must be the nextCursor of a page before'
  return failure('invalid-request', 'a cursor is malformed', { errors: [{ pointer: '/cursor', detail }] })
}

/** @param items one more than `limit` where another page follows */
export function pageOf<T>(items: readonly T[], limit: number, placeOfItem: (item: T) => Place): Page<T> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return { items: page, next: items.length > limit && last !== undefined ? formatCursor(placeOfItem(last)) : undefined }
}
