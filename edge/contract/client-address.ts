/** Client addresses in their canonical spelling, and the part of an address that a quota counts. */

/** Four decimal octets. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/

/**
 * Brings an IP address into its canonical spelling (RFC 5952); an IPv4-mapped IPv6 address becomes IPv4.
 *
 * @returns `undefined` for anything that is not one plain address: no port, no zone, no brackets, no list
 */
export function parseClientAddress(text: string): string | undefined {
  // Some parsers read an octet with a leading zero as octal.
  if (IPV4.test(text) && !/(^|\.)0\d/.test(text)) return text
  const groups = parseIpv6(text)
  if (groups === undefined) return undefined
  const [high = 0, low = 0] = groups.slice(6)
  const mapped = groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
  if (mapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return canonicalIpv6(text)
}

/**
 * The subject of a quota: a whole IPv4 address, or the /64 of an IPv6 address.
 *
 * One subscriber controls all addresses of a /64, and would otherwise never reach a limit.
 */
export function addressSubject(address: string): string {
  const groups = parseIpv6(address)
  return groups === undefined ? address : ipv6Prefix(groups, 64)
}

/** The network of a client: the /24 of an IPv4 address, or the /48 of an IPv6 address, the usual size of one site. */
export function addressNetwork(address: string): string {
  const groups = parseIpv6(address)
  return groups === undefined ? address.replace(/\d+$/, '0/24') : ipv6Prefix(groups, 48)
}

function ipv6Prefix(groups: readonly number[], bits: number): string {
  const kept = groups.slice(0, bits / 16).map(group => group.toString(16))
  return `${kept.join(':')}::/${bits}`
}

/** The eight groups of an IPv6 address, or `undefined`. The URL parser reads them (WHATWG URL §3.5). */
function parseIpv6(text: string): number[] | undefined {
  const canonical = canonicalIpv6(text)
  if (canonical === undefined) return undefined
  const [head = '', tail] = canonical.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].map(group => Number.parseInt(group, 16))
}

function canonicalIpv6(text: string): string | undefined {
  if (!/^[0-9a-f:.]{2,45}$/i.test(text) || !text.includes(':')) return undefined
  const url = `http://[${text}]/`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : undefined
}
