/** Signs the hop to the origin with `EDGE_SECRET` (HMAC-SHA-256, WebCrypto). The origin's half is its `edge-hop` plugin. */

import { type EdgeHop, edgeHopText } from '../contract/edge-hop.ts'
import { toHex } from '../contract/hex.ts'

/** Signs a hop; the signature is lower-case hex. */
export type SignHop = (hop: EdgeHop) => Promise<string>

/**
 * Creates the signer; the key is imported once. The signature is lower-case hex.
 *
 * @example
 * const signHop = createHopSigner('a secret of at least thirty-two bytes')
 * const signature = await signHop({
 *   method: 'GET',
 *   target: '/orders?page=2',
 *   clientAddress: '192.0.2.1',
 *   timeMs: 1_800_000_000_000,
 *   requestId: '01a30a8f-2c00-7000-8000-000000000001'
 * })
 * signature // → '24454c2e0a5527d36a1d9eab3bf043abcb9963fcbd3954d18f374fb4acc21307'
 */
export function createHopSigner(secret: string): SignHop {
  const encoder = new TextEncoder()
  let key: CryptoKey | undefined
  return async hop => {
    key ??= await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign'
    ])
    const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(edgeHopText(hop)))
    return toHex(new Uint8Array(mac))
  }
}
