/**
 * Keys that are fetched from a URL and kept in memory; the verifier checks signatures with them.
 *
 * On Workers a promise dies with the request that began it. Requests therefore share only plain values: the keys, and
 * the note of a download that has begun. A request that finds such a note waits on its own timers until the download is
 * settled. A note older than any download belongs to a dead request, and the next request begins a new download.
 * Waiting saves downloads: otherwise each request of a cold start would make its own.
 *
 * Over 200 lines: every closure works on the same keys and the same note of a download.
 */

import { KEY_REFRESH_SECONDS } from '../contract/key-lifetimes.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import { type Fetch, fetchJwkSet } from './fetch-jwk-set.ts'
import { KeysUnavailableError, type RevocableKeySource } from './key-source.ts'
import { isProtectedUrl } from './protected-url.ts'
import type { UsableKey } from './public-jwk.ts'
import type { SignaturePort, VerificationKey } from './signature-port.ts'
import type { TokenAlgorithm } from './token-algorithm.ts'

/** Keys from a URL, kept in memory. */
export interface RemoteKeySet extends RevocableKeySource {
  /** Drops keys that were loaded more than `maxAgeMs` ago: a removal since then may have gone unnoticed. */
  dropOlderThan(maxAgeMs: number, nowMs: number): void
  /**
   * Begins a download where the keys are stale or missing, unless one has begun recently. The promise is for
   * `waitUntil` and never rejects.
   */
  refreshIfStale(nowMs: number): Promise<void> | undefined
}

/** The location of the keys, and the limits of their download. */
export interface RemoteKeySetOptions {
  readonly url: string
  readonly fetch: Fetch
  readonly signature: SignaturePort
  readonly algorithms: readonly TokenAlgorithm[]
  /** The least time between two downloads, whatever ids arrive. 30 s by default. */
  readonly cooldownMs?: number
  /** Older keys are still used, but renewed. 300 s by default. */
  readonly maxAgeMs?: number
  /** The deadline of one whole download. 3 s by default. */
  readonly timeoutMs?: number
  /** Longer answers are refused. 64 KiB by default. */
  readonly maxBytes?: number
  /** Called with the reason why a download changed nothing, for the log. Must not throw. */
  readonly onRefusal?: (reason: string) => void
}

const NAMES: OptionNames<RemoteKeySetOptions> = {
  url: 'required',
  fetch: 'required',
  signature: 'required',
  algorithms: 'required',
  cooldownMs: 'optional',
  maxAgeMs: 'optional',
  timeoutMs: 'optional',
  maxBytes: 'optional',
  onRefusal: 'optional'
}

/** The note of a download that has begun, for the other requests. */
interface Attempt {
  readonly begunAtMs: number
  settled: boolean
}

interface KnownKey {
  /** The JWK as text. An unchanged key keeps its identity, so tokens verified with it stay remembered. */
  readonly source: string
  readonly key: VerificationKey
}

const MAX_AGE_MS = KEY_REFRESH_SECONDS * 1000
/** The cool-down without any keys: long enough to spare the issuer, too short to be an outage. */
const COLD_RETRY_MS = 1_000
const POLL_MS = 10
/**
 * A download that has not settled this long after its deadline counts as dead. A live one settles by then, unless this
 * process was held up. A second download then does no harm.
 */
const DEAD_AFTER_MS = 500

/**
 * Creates a key source over a JWKS URL. Nothing is fetched before the first lookup.
 *
 * A known id is answered from memory at once, however old the keys are. Pass `refreshIfStale()` to `waitUntil`, and the
 * keys are renewed behind the request. An unknown id downloads at most once per cool-down. A refused answer changes
 * nothing. Throws a TypeError on a missing or unknown option, and on a URL that is neither https nor http on loopback.
 *
 * @example
 * const keys = createRemoteKeySet({
 *   url: 'https://auth.example.com/.well-known/jwks.json',
 *   fetch,
 *   signature: createWebCryptoSignaturePort(),
 *   algorithms: ['ES256'],
 *   onRefusal: reason => console.warn(reason)
 * })
 * const found = await keys.find(jwk.kid, Date.now())
 * found?.algorithm // → 'ES256'
 * const renewal = keys.refreshIfStale(Date.now())
 * if (renewal !== undefined) context.waitUntil(renewal)
 */
// Over 40 lines: the closures share these plain variables, because requests on Workers may share nothing more.
export function createRemoteKeySet(options: RemoteKeySetOptions): RemoteKeySet {
  const { url, signature, cooldownMs = 30_000, maxAgeMs = MAX_AGE_MS, timeoutMs = 3_000, maxBytes = 65_536 } = options
  requireOptions('create a key set', options, NAMES)
  if (!isProtectedUrl(url)) {
    throw new TypeError(`Cannot create a key set: expected an https URL, or an http one on loopback, found "${url}"`)
  }

  let known: ReadonlyMap<string, KnownKey> = new Map()
  const removed = new Set<string>()
  let loadedAtMs = Number.NEGATIVE_INFINITY
  let attempt: Attempt | undefined
  let refusal = 'not fetched yet'

  const isWithin = (windowMs: number, sinceMs: number, nowMs: number) =>
    // In both directions: requests read their clocks slightly out of order, and a clock may have been set back.
    Math.abs(nowMs - sinceMs) < windowMs

  const isRunning = (nowMs: number) =>
    attempt !== undefined && !attempt.settled && isWithin(timeoutMs + DEAD_AFTER_MS, attempt.begunAtMs, nowMs)

  function isCooling(nowMs: number): boolean {
    if (!attempt) return false
    if (known.size > 0) return isWithin(cooldownMs, attempt.begunAtMs, nowMs)
    return attempt.settled && isWithin(COLD_RETRY_MS, attempt.begunAtMs, nowMs)
  }

  async function download(nowMs: number): Promise<void> {
    const mine: Attempt = { begunAtMs: nowMs, settled: false }
    attempt = mine
    try {
      const set = await fetchJwkSet({ url, fetch: options.fetch, algorithms: options.algorithms, timeoutMs, maxBytes })
      const imported = set.ok ? await importAll(set.value, known, signature) : undefined
      if (imported && imported.size > 0) {
        known = imported
        loadedAtMs = nowMs
        // Removed during the download, or served by an outdated cache.
        for (const kid of removed) imported.delete(kid)
      } else {
        refusal = set.ok ? 'the set has no usable key' : set.reason
        options.onRefusal?.(refusal)
      }
    } finally {
      mine.settled = true
    }
  }

  /** Waits for another request's download. Without a live one, begins its own if the cool-down allows. */
  async function awaitDownload(nowMs: number): Promise<void> {
    let elapsedMs = 0
    while (isRunning(nowMs + elapsedMs)) {
      const watched = attempt
      await new Promise(resolve => setTimeout(resolve, POLL_MS))
      if (watched?.settled) return
      elapsedMs += POLL_MS
    }
    if (!isCooling(nowMs + elapsedMs)) await download(nowMs + elapsedMs)
  }

  function lookUp(kid: string): VerificationKey | undefined {
    if (known.size > 0) return known.get(kid)?.key
    throw new KeysUnavailableError(`No key set could be loaded from "${url}": ${refusal}. Is the issuer reachable?`)
  }

  return {
    remove(kid) {
      removed.add(kid)
      known = new Map([...known].filter(([one]) => one !== kid))
      // Stale from now on, so that its replacement is loaded soon.
      loadedAtMs = Number.NEGATIVE_INFINITY
    },

    dropOlderThan(maxAgeMs, nowMs) {
      if (known.size === 0 || nowMs - loadedAtMs <= maxAgeMs) return
      known = new Map()
      attempt = undefined
    },

    find(kid, nowMs) {
      if (removed.has(kid)) return undefined
      if (known.has(kid) || (isCooling(nowMs) && !isRunning(nowMs))) return lookUp(kid)
      return awaitDownload(nowMs).then(() => lookUp(kid))
    },

    refreshIfStale(nowMs) {
      if (isWithin(maxAgeMs, loadedAtMs, nowMs) || isCooling(nowMs) || isRunning(nowMs)) return undefined
      return download(nowMs)
    }
  }
}

/** Imports a set. A key that the library refuses, such as a point off its curve, is ignored as an unknown type is. */
async function importAll(
  set: readonly UsableKey[],
  known: ReadonlyMap<string, KnownKey>,
  signature: SignaturePort
): Promise<Map<string, KnownKey>> {
  const imported = new Map<string, KnownKey>()
  for (const { kid, jwk } of set) {
    const source = JSON.stringify(jwk)
    const before = known.get(kid)
    try {
      imported.set(kid, before?.source === source ? before : { source, key: await signature.importKey(jwk) })
    } catch {
      // Ignored.
    }
  }
  return imported
}
