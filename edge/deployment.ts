/** Assembles one deployment of the edge from settings and policies, on the APIs of Workers. */

import { type Admission, createAdmission } from './admission/admission.ts'
import { CLOCK_SKEW_SECONDS } from './contract/claims.ts'
import { EDGE_JWKS_CACHE_SECONDS } from './contract/key-lifetimes.ts'
import type { EdgePolicies } from './contract/policies.ts'
import { uuidV7 } from './contract/uuid.ts'
import { createForward } from './gateway/forward.ts'
import { createGateway, type Gateway } from './gateway/gateway.ts'
import { createHopSigner } from './gateway/sign-hop.ts'
import { log } from './log.ts'
import { revocationRetentionMs } from './revocation/lifetimes.ts'
import { createRevocationView, type RevocationView } from './revocation/revocation-view.ts'
import type { EdgeSettings } from './settings.ts'
import { openRedis } from './store/open-redis.ts'
import { createInlineKeySet } from './verifier/inline-key-set.ts'
import type { KeySource, RevocableKeySource } from './verifier/key-source.ts'
import { createRemoteKeySet, type RemoteKeySet } from './verifier/remote-key-set.ts'
import { createTokenVerifier, type TokenVerifier } from './verifier/verify-token.ts'
import { createWebCryptoSignaturePort } from './verifier/webcrypto-signature.ts'

/** One deployment, kept for the life of the isolate. Requests share only plain data. */
export interface Deployment {
  readonly gateway: Gateway
  /** Renews the keys where they are stale; without effect where they were given with the settings. */
  readonly renewKeys: (nowMs: number) => Promise<void> | undefined
  readonly fallbackClientAddress: string | undefined
}

/** Verified tokens that an isolate remembers: about 8 MB of its 128. */
const REMEMBERED_TOKENS = 4_000
/** Subjects with leases that an isolate remembers: about 5 MB. */
const MAX_SUBJECTS = 10_000
const FALLBACK_SHARE = 0.1
const BREAKER_RESET_MS = 250

/** Opens the deployment. It makes no call before the first request. */
export function openDeployment(settings: EdgeSettings, policies: EdgePolicies): Deployment {
  const retentionMs = revocationRetentionMs(settings.accessTokenTtlSeconds)
  const keys = openKeys(settings)
  const view = createRevocationView({
    maxAgeMs: settings.revocationMaxAgeMs,
    retentionMs,
    onKeyRemoved: kid => keys.source.remove(kid)
  })
  const nowMs = () => Date.now()

  const gateway = createGateway({
    publicUrl: settings.publicUrl,
    allowedOrigins: settings.allowedOrigins,
    policies,
    verifier: openVerifier(settings, keys.source),
    admission: openAdmission(settings, view),
    forward: createForward({
      originUrl: settings.originUrl,
      deadlineMs: settings.originDeadlineMs,
      signHop: createHopSigner(settings.edgeSecret),
      fetch: (input, init) => fetch(input, init),
      nowMs
    }),
    nowMs,
    createRequestId,
    log: event => log({ level: isOurFault(event.code) ? 'warn' : 'debug', ...event }),
    ...(settings.debugHeaders && { debugHeaders: (now: number) => ageHeader(view, now) })
  })
  const renewKeys = (now: number) => {
    // An isolate that slept longer than an entry is kept may have missed the removal of a key.
    if (view.ageMs(now) > retentionMs) keys.remote?.dropOlderThan(retentionMs, now)
    return keys.remote?.refreshIfStale(now)
  }
  return { gateway, renewKeys, fallbackClientAddress: settings.fallbackClientAddress }
}

function openKeys(settings: EdgeSettings): { source: RevocableKeySource; remote: RemoteKeySet | undefined } {
  const signature = createWebCryptoSignaturePort()
  if (settings.inlineKeys !== undefined)
    return { source: createInlineKeySet({ keys: settings.inlineKeys, signature }), remote: undefined }
  const remote = createRemoteKeySet({
    url: settings.jwksUrl,
    fetch: (input, init) =>
      fetch(input, { ...init, cf: { cacheEverything: true, cacheTtl: EDGE_JWKS_CACHE_SECONDS } } as RequestInit),
    signature,
    algorithms: ['ES256'],
    onRefusal: reason => log({ level: 'warn', event: 'keys-not-renewed', reason })
  })
  return { source: remote, remote }
}

function openVerifier(settings: EdgeSettings, keys: KeySource): TokenVerifier {
  return createTokenVerifier({
    issuer: settings.publicUrl,
    audience: settings.tokenAudience,
    algorithms: ['ES256'],
    keys,
    signature: createWebCryptoSignaturePort(),
    maxLifeSeconds: settings.accessTokenTtlSeconds,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    rememberedTokens: REMEMBERED_TOKENS,
    onMismatch: mismatch => log({ level: 'warn', event: 'token-mismatch', ...mismatch })
  })
}

function openAdmission(settings: EdgeSettings, view: RevocationView): Admission {
  return createAdmission({
    redis: openRedis({ url: settings.redisUrl, token: settings.redisToken, namespace: settings.redisNamespace }),
    view,
    nowMs: () => Date.now(),
    maxSubjects: MAX_SUBJECTS,
    fallbackShare: FALLBACK_SHARE,
    breakerResetMs: BREAKER_RESET_MS,
    onStoreFailure: (error, answeredByFallback) =>
      log({ level: 'warn', event: 'store-failed', reason: error.message, answeredByFallback })
  })
}

/** The age of the knowledge of ended sessions (ms); no header while nothing is known. */
function ageHeader(view: RevocationView, nowMs: number): Record<string, string> {
  const ageMs = view.ageMs(nowMs)
  return Number.isFinite(ageMs) ? { 'x-auth-revocation-age': String(ageMs) } : {}
}

/** Creates a request id, which sorts by time. */
export function createRequestId(): string {
  return uuidV7(Date.now(), crypto.randomUUID())
}

function isOurFault(code: string): boolean {
  return code === 'internal' || code === 'unavailable'
}
