/** The one spelling of a password that is checked and hashed. */

/** One spelling for what different keyboards produce (NIST SP 800-63B-4 §3.1.1.2); nothing trimmed. */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}
