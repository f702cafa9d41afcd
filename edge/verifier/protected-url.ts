/** The check that a URL leads to the host that it names. */

/**
 * Whether a URL is https, or http on loopback.
 *
 * Security: an attacker on the network path of a key set over http replaces the keys and can then sign any token.
 * Loopback has no network path.
 */
export function isProtectedUrl(url: string): boolean {
  const { protocol, hostname } = URL.parse(url) ?? { protocol: '', hostname: '' }
  const isLoopback = /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback)
}
