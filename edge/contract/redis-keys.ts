/** Every Redis key of Gatehouse: versioned, so a new layout never reads an old one, and hash-tagged for clusters. */

const PREFIX = 'gatehouse:v1'

/**
 * The name of a key under a namespace. A namespace has no braces, which keeps the hash tag of the key. It has no colon,
 * so two namespaces never give the same name.
 */
export function namespacedKey(namespace: string | undefined, key: string): string {
  return namespace ? `${namespace}:${key}` : key
}

/**
 * The revocation feed, a sorted set: ended session id, or `removedKeyEntry(kid)` → time of publication (ms, the clock of
 * Redis). The epoch is a member of the same set, so Redis loses both or neither.
 *
 * Still `v1`: an edge of an earlier release finds every entry here, and reads the epoch under a key of its own.
 */
export const REVOCATION_KEY = `${PREFIX}:{revocation}:ended`

const REMOVED_KEY = 'key:'

/** The member of the feed for a removed signing key. A session id never has this form. */
export function removedKeyEntry(kid: string): string {
  return REMOVED_KEY + kid
}

/** The signing key that a member of the feed names; `undefined` for a session. */
export function removedKeyOf(entry: string): string | undefined {
  return entry.startsWith(REMOVED_KEY) ? entry.slice(REMOVED_KEY.length) : undefined
}

/**
 * Hash of one subject under one quota: slice index → requests debited in it.
 *
 * The length of a slice is part of the name, because the meaning of an index depends on it. Otherwise, after a change of
 * the setting, old debits would count for years or not at all.
 */
export function quotaKey(quota: string, subject: string, sliceMs: number): string {
  return `${PREFIX}:quota:{${quota}:${subject}}:${sliceMs}`
}

/**
 * State of one subject of the login guard, named by its digest.
 *
 * All keys share one hash tag: a script reads the client address, the email address and their pair together, and in a
 * cluster it may only touch keys of one slot. Each sign-in costs a password hash, so one slot can serve them all.
 */
export function loginGuardKey(kind: 'address' | 'pair' | 'account', digest: string): string {
  return `${PREFIX}:{login-guard}:${kind}:${digest}`
}
