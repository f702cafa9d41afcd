/**
 * How long copies of the published keys are used on their way from the origin to a verifier: each time is derived from
 * the one before it. Which key signs is the origin's decision.
 */

/** `max-age` of the key set: how long a cache may answer in place of the origin. */
export const JWKS_MAX_AGE_SECONDS = 300

/** The age at which a verifier renews its keys. An earlier renewal would often find the same cached copy. */
export const KEY_REFRESH_SECONDS = JWKS_MAX_AGE_SECONDS

/** How long Cloudflare's cache answers the edge: a new isolate finds keys nearby, and none older than `max-age`. */
export const EDGE_JWKS_CACHE_SECONDS = Math.min(60, JWKS_MAX_AGE_SECONDS)

/**
 * How long a change of the key set takes to reach every verifier in use, with one cache on the way.
 *
 * In the worst case the verifier reads the cached copy in its last second and renews it a whole refresh later. A new key
 * signs nothing before that. The revocation feed names a removed key for at least as long.
 */
export const KEY_PROPAGATION_SECONDS = JWKS_MAX_AGE_SECONDS + KEY_REFRESH_SECONDS
