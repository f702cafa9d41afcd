/** Signs the hop to the origin with `EDGE_SECRET` (HMAC-SHA-256, WebCrypto). The origin's half is its `edge-hop` plugin. */

import { type EdgeHop, edgeHopText } from './contract/edge-hop.ts'

export type SignHop = (hop: EdgeHop) => Promise<string>

/** Creates the signer; the key is imported once. The signature is lower-case hex. */
export function createHopSigner(secret: string): SignHop {
  const encoder = new TextEncoder()
  let key: CryptoKey | undefined
  return async hop => {
    key ??= await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign'
    ])
    const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(edgeHopText(hop)))
    return Array.from(new Uint8Array(mac), byte => byte.toString(16).padStart(2, '0')).join('')
  }
}
