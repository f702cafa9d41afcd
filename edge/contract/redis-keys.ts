/** Every Redis key we own. Versioned, so that a new layout never reads an old one; hash-tagged for clusters. */

const PREFIX = 'gatehouse:v1'

/**
 * The name of a key in the database of a system with a namespace. It has no braces, so the hash tag of the key stays its
 * own, and no colon, so that no two namespaces ever give the same name.
 */
export function namespacedKey(namespace: string | undefined, key: string): string {
  return namespace ? `${namespace}:${key}` : key
}

/**
 * The revocation feed, a sorted set: ended session id, or `removedKeyEntry(kid)` → when it was published (ms, the clock of
 * Redis). The epoch is a member of the same set, so that Redis cannot lose one of them and keep the other.
 *
 * Still `v1`: an edge of an earlier release finds every entry here, and reads the epoch under a key of its own.
 */
export const REVOCATION_KEY = `${PREFIX}:{revocation}:ended`

const REMOVED_KEY = 'key:'

/** The member of the feed that says of a signing key that it is removed; a session id never looks like one. */
export function removedKeyEntry(kid: string): string {
  return REMOVED_KEY + kid
}

/** The signing key that a member of the feed speaks of; `undefined` where it speaks of a session. */
export function removedKeyOf(entry: string): string | undefined {
  return entry.startsWith(REMOVED_KEY) ? entry.slice(REMOVED_KEY.length) : undefined
}

/**
 * Hash of one subject under one quota: slice index → requests debited in it.
 *
 * The length of a slice is part of the name, because an index means another time where slices are longer or shorter:
 * after a change of the setting, old debits would else count for years, or not at all.
 */
export function quotaKey(quota: string, subject: string, sliceMs: number): string {
  return `${PREFIX}:quota:{${quota}:${subject}}:${sliceMs}`
}

/**
 * State of one subject of the login guard, named by a digest of it.
 *
 * One tag for all of them: a script judges the client address, the account and the pair of both together, and in a
 * cluster it may only touch keys of one slot. A sign-in costs a password hash, so one slot carries all of them.
 */
export function loginGuardKey(kind: 'address' | 'pair' | 'account', digest: string): string {
  return `${PREFIX}:{login-guard}:${kind}:${digest}`
}
