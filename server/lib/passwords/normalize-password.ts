/** The spelling of a password that is checked and hashed. */

/** One spelling for the input of different keyboards (NIST SP 800-63B-4 §3.1.1.2). Nothing is trimmed. */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}
