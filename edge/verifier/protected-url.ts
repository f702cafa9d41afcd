/** Whether a URL can be trusted to lead to the host that it names. */

/**
 * Security: an attacker on the path of a key set in clear text replaces its keys by his own, and signs any token. On
 * loopback there is no path.
 */
export function isProtectedUrl(url: string): boolean {
  const { protocol, hostname } = URL.parse(url) ?? { protocol: '', hostname: '' }
  const isLoopback = /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback)
}
