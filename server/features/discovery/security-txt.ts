/** The contact for reports of vulnerabilities (RFC 9116). */

const DAY_MS = 86_400_000
/** RFC 9116 §2.5.5 recommends less than a year. A running origin renews the date daily. */
const VALID_DAYS = 90

/** Builds the file. It stays the same for a whole day. */
export function securityTxt(publicUrl: string, contact: string, nowMs: number): string {
  const expires = new Date((Math.floor(nowMs / DAY_MS) + VALID_DAYS) * DAY_MS).toISOString()
  return `Contact: ${contact}\nExpires: ${expires}\nCanonical: ${publicUrl}/.well-known/security.txt\n`
}
