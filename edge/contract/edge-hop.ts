/** The hop from the edge to the origin: what the edge signs (HMAC-SHA-256 under `EDGE_SECRET`) and for how long it holds. */

/** How far the clocks of edge and origin may lie apart, and how long a captured hop could be replayed. */
export const HOP_MAX_AGE_MS = 60_000

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

/** Whether a hop signed at `timeMs` is still (or already) acceptable at `nowMs`. */
export function isHopFresh(timeMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - timeMs) <= HOP_MAX_AGE_MS
}
