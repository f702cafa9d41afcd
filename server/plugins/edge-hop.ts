/**
 * Identifies the client: verifies the edge's signature over the hop, and with it the client address and the request id.
 *
 * Security: forwarding headers are never trusted. Without a valid signature the client is the socket's peer.
 */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { parseClientAddress } from '../../edge/contract/client-address.ts'
import { type EdgeHop, edgeHopText, isHopFresh } from '../../edge/contract/edge-hop.ts'
import { HOP_HEADERS, REQUEST_ID_HEADER } from '../../edge/contract/http.ts'
import { isUuid } from '../../edge/contract/uuid.ts'
import type { Client } from '../lib/client.ts'
import { createId } from '../lib/crypto/ids.ts'
import { ProblemError } from '../lib/http/problem-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    readonly client: Client
  }
  interface FastifyContextConfig {
    /** This route also answers requests that did not come through the edge, even with `REQUIRE_EDGE`. */
    readonly withoutEdge?: boolean
  }
}

const MAX_USER_AGENT = 512

/** Verified hops, kept from the creation of the request id to the end of the request. */
export type VerifiedHops = WeakMap<IncomingMessage, EdgeHop>

/** Reads and verifies hops. Fastify asks for the request id first, so each hop is verified here, once. */
export function createRequestIds(edgeSecret: string, nowMs: () => number) {
  const hops: VerifiedHops = new WeakMap()
  // Created once: an HMAC with a text as its key takes five times as long.
  const key = createSecretKey(edgeSecret, 'utf8')
  const genReqId = (raw: IncomingMessage) => {
    const hop = verifiedHop(raw, key, nowMs())
    if (hop === undefined) return createId(nowMs())
    hops.set(raw, hop)
    return hop.requestId
  }
  return { hops, genReqId }
}

/** Adds `request.client`, and refuses requests that did not come through the edge where it is required. */
export const edgeHop = fp(
  async (app: FastifyInstance, { hops, requireEdge }: { hops: VerifiedHops; requireEdge: boolean }) => {
    app.decorateRequest('client', {
      getter() {
        const address = hops.get(this.raw)?.clientAddress ?? parseClientAddress(this.socket.remoteAddress ?? '')
        const userAgent = String(this.headers['user-agent'] ?? '')
          .slice(0, MAX_USER_AGENT)
          .toWellFormed()
        return { address: address ?? '0.0.0.0', userAgent, requestId: this.id }
      }
    })
    app.addHook('onRequest', (request, reply, done) => {
      reply.header(REQUEST_ID_HEADER, request.id)
      const isAllowed = hops.has(request.raw) || !requireEdge || request.routeOptions.config.withoutEdge
      done(isAllowed ? undefined : new ProblemError('edge-required'))
    })
  },
  { name: 'edge-hop', fastify: '5.x' }
)

function verifiedHop(raw: IncomingMessage, key: KeyObject, nowMs: number): EdgeHop | undefined {
  const signature = raw.headers[HOP_HEADERS.signature]
  if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/.test(signature)) return undefined
  const hop: EdgeHop = {
    method: raw.method ?? '',
    target: raw.url ?? '',
    clientAddress: String(raw.headers[HOP_HEADERS.clientAddress]),
    timeMs: Number(raw.headers[HOP_HEADERS.timeMs]),
    requestId: String(raw.headers[REQUEST_ID_HEADER])
  }
  const expected = createHmac('sha256', key).update(edgeHopText(hop)).digest()
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) return undefined
  const isValid = isHopFresh(hop.timeMs, nowMs) && isUuid(hop.requestId) && parseClientAddress(hop.clientAddress)
  return isValid ? hop : undefined
}
