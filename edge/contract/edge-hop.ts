/** The hop from the edge to the origin: the text that the edge signs under `EDGE_SECRET`, and how long it is valid. */

/** The maximal age of a hop by the clock of the origin. A captured hop can be replayed within this time. */
export const HOP_MAX_AGE_MS = 30_000

/** How far ahead of the origin's clock a hop may be dated: the same clock skew as for tokens. */
export const HOP_MAX_AHEAD_MS = 5_000

/** One forwarded request, as the edge received it. */
export interface EdgeHop {
  readonly method: string
  /** Path and query exactly as forwarded. */
  readonly target: string
  /** The client's canonical address, as the platform reports it. */
  readonly clientAddress: string
  readonly timeMs: number
  readonly requestId: string
}

/**
 * The signed text (HMAC-SHA-256).
 *
 * No part can contain a line feed, so two different hops never share a text.
 */
export function edgeHopText(hop: EdgeHop): string {
  return ['gatehouse-hop-1', hop.method, hop.target, hop.clientAddress, hop.timeMs, hop.requestId].join('\n')
}

/** Whether a hop signed at `timeMs` is accepted at `nowMs`; never where the time is not a number. */
export function isHopFresh(timeMs: number, nowMs: number): boolean {
  const ageMs = nowMs - timeMs
  return ageMs <= HOP_MAX_AGE_MS && ageMs >= -HOP_MAX_AHEAD_MS
}
