/** Email addresses in one canonical form, so that a single constraint keeps them unique. */

import { domainToASCII, domainToUnicode } from 'node:url'
import { isInOneWritingSystem } from './writing-system.ts'

const MAX_CHARACTERS = 254
const MAX_LOCAL_BYTES = 64

/** RFC 5322 dot-atom, with letters, marks and digits of every script (RFC 6531 §3.3). */
const LOCAL = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u

/** The characters of a typed domain. Others would be decoded or mapped to a domain that was not typed. */
const TYPED_DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u

/** At least two LDH labels, of which the last is not a number: an address literal is not a domain. */
const DOMAIN =
  /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/

/**
 * Brings an address into its canonical form: trimmed, NFC, everything in lower case, the domain in Punycode.
 *
 * Security: a local part that NFKC would change, or that holds invisible characters, looks like another user's. It is
 * refused rather than mapped. So is a local part or a label of the domain that mixes writing systems. Quotes, comments,
 * groups and literals are refused because email programs read them in different ways, one of which adds a recipient.
 *
 * @returns `undefined` for a text that is not one plain address
 */
export function parseEmailAddress(text: string): string | undefined {
  const address = text.trim().normalize('NFC')
  const at = address.lastIndexOf('@')
  const local = address.slice(0, Math.max(0, at)).toLowerCase().normalize('NFC')
  const unverifiedDomain = address.slice(at + 1).toLowerCase()
  const domain = TYPED_DOMAIN.test(unverifiedDomain) ? domainToASCII(unverifiedDomain) : ''
  // A label that still begins with `xn--` cannot be decoded. A decoded label must have a form that a user can type.
  const shownDomain = domainToUnicode(domain)
  const canonical = `${local}@${domain}`
  const isPlain =
    LOCAL.test(local) &&
    !/\p{Default_Ignorable_Code_Point}/u.test(local) &&
    local.normalize('NFKC') === local &&
    Buffer.byteLength(local) <= MAX_LOCAL_BYTES &&
    DOMAIN.test(domain) &&
    TYPED_DOMAIN.test(shownDomain) &&
    !/(^|\.)xn--/.test(shownDomain) &&
    canonical.length <= MAX_CHARACTERS &&
    [local, ...shownDomain.split('.')].every(isInOneWritingSystem)
  return isPlain ? canonical : undefined
}
