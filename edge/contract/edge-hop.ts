/** The hop from the edge to the origin: what the edge signs (HMAC-SHA-256 under `EDGE_SECRET`) and for how long it holds. */

/** How old a hop may be, by the clock of the origin: for so long a captured one can be replayed. */
export const HOP_MAX_AGE_MS = 30_000

/** How far ahead of the origin's clock a hop may be dated: a small clock skew, as for tokens. */
export const HOP_MAX_AHEAD_MS = 5_000

/** One forwarded request, as the edge saw it. */
export interface EdgeHop {
  readonly method: string
  /** Path and query exactly as forwarded. */
  readonly target: string
  /** The client's canonical address, as the platform told it. */
  readonly clientAddress: string
  readonly timeMs: number
  readonly requestId: string
}

/**
 * The text under the signature.
 *
 * No part can contain a line feed, so no two different hops share a text.
 */
export function edgeHopText(hop: EdgeHop): string {
  return ['gatehouse-hop-1', hop.method, hop.target, hop.clientAddress, hop.timeMs, hop.requestId].join('\n')
}

/** Whether a hop signed at `timeMs` is acceptable at `nowMs`; never where the time is not a number. */
export function isHopFresh(timeMs: number, nowMs: number): boolean {
  const ageMs = nowMs - timeMs
  return ageMs <= HOP_MAX_AGE_MS && ageMs >= -HOP_MAX_AHEAD_MS
}
