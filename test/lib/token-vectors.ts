/**
 * One table of tokens, genuine and hostile, for every verifier and every runtime; it verifies nothing.
 *
 * Over 200 lines: a table is read in one piece, and every row is a sentence. A hostile token is wrong in one thing only,
 * and carries a genuine signature over it.
 */

import { createPublicKey, randomUUID, sign } from 'node:crypto'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import {
  claimsOf,
  encodePart,
  generateSigner,
  headerOf,
  hmac,
  mangleSignature,
  type Part,
  publicJwkOf,
  type Signer,
  sealParts,
  sealToken,
  signRaw
} from '../../local/token-forge.ts'

/** One token, and the result that a verifier must return. */
export interface TokenVector {
  readonly name: string
  readonly token: string
  readonly expected: 'ok' | 'token-invalid' | 'token-expired'
  /** Valid only at exactly `nowSeconds`: omit it where the clock is real. */
  readonly exactClock: boolean
  /** Whether the token is a `b64token` (RFC 6750 §2.1), which may be sent in a header. */
  readonly fitsHeader: boolean
}

/** The settings of the verifier under test. */
export interface VectorOptions {
  readonly issuer: string
  readonly audience: string
  /** The verifier's clock, in whole seconds. */
  readonly nowSeconds: number
  readonly maxLifeSeconds: number
  readonly clockSkewSeconds: number
  /** An ES256 key that the verifier knows. */
  readonly signer: Signer
  /** An Ed25519 key that the verifier knows as well; without it, its tokens are omitted. */
  readonly edSigner?: Signer
}

interface Row {
  readonly name: string
  readonly token: string
  readonly exactClock?: boolean
}

interface Bench extends VectorOptions {
  readonly header: ReturnType<typeof headerOf>
  readonly claims: AccessClaims
  /** A genuine token. */
  readonly genuine: string
  /** Signs a changed header. */
  withHeader(part: Part): string
  /** Signs a changed payload. */
  withPayload(part: Part): string
  /** Signs the right claims with some of them changed. */
  withClaims(changes: object): string
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const ED25519_ORDER = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn

/** Builds the table: names are unique, and so are tokens. */
export function buildVectors(options: VectorOptions): readonly TokenVector[] {
  const bench = createBench(options)
  const label = (rows: readonly Row[], expected: TokenVector['expected']): TokenVector[] =>
    rows.map(({ name, token, exactClock = false }) => ({
      name,
      token,
      expected,
      exactClock,
      fitsHeader: /^[\w.~+/-]+=*$/.test(token)
    }))
  return [
    ...label([...goodForms(bench), ...goodClaims(bench), ...goodEd25519(bench)], 'ok'),
    ...label(expired(bench), 'token-expired'),
    ...label([...hostileShapes(bench), ...hostileEncodings(bench), ...hostileText(bench)], 'token-invalid'),
    ...label([...hostileHeaders(bench), ...hostileAlgorithms(bench), ...hostileKids(bench)], 'token-invalid'),
    ...label([...hostileSignatures(bench), ...hostileEd25519(bench)], 'token-invalid'),
    ...label([...hostileClaims(bench), ...hostileTimes(bench), ...expiredForgeries(bench)], 'token-invalid')
  ]
}

function createBench(options: VectorOptions): Bench {
  const header = headerOf(options.signer)
  // A second under the longest life, so that both sides of that edge are rows of their own.
  const claims = { ...claimsOf(options), exp: options.nowSeconds + options.maxLifeSeconds - 1 }
  return {
    ...options,
    header,
    claims,
    genuine: sealToken(options.signer, header, claims),
    withHeader: part => sealToken(options.signer, part, claims),
    withPayload: part => sealToken(options.signer, header, part),
    withClaims: changes => sealToken(options.signer, header, { ...claims, ...changes })
  }
}

// ES256: forms that the standards allow

function goodForms({ signer, header, claims, genuine, withHeader, withPayload }: Bench): Row[] {
  const flipped = (signature: Uint8Array) =>
    Buffer.concat([signature.subarray(0, 32), toBytes(P256_ORDER - toInteger(signature.subarray(32)))])
  return [
    { name: 'a token as we issue it', token: genuine },
    { name: 'typ application/at+jwt', token: withHeader({ ...header, typ: 'application/at+jwt' }) },
    { name: 'typ in another case', token: withHeader({ ...header, typ: 'Application/AT+JWT' }) },
    { name: 'a header member that means nothing to us', token: withHeader({ ...header, x5t: 'AAAA', cty: 'json' }) },
    { name: 'a header with its members in another order', token: withHeader(reversed(header)) },
    { name: 'a header with white space between its members', token: withHeader(JSON.stringify(header, null, 2)) },
    { name: 'a header with an escaped name', token: withHeader(toJson(header).replace('"alg"', '"\\u0061lg"')) },
    { name: 'a payload with its members in another order', token: withPayload(reversed(claims)) },
    { name: 'a payload with white space around it', token: withPayload(` \r\n\t${toJson(claims)}\n`) },
    { name: 'a payload with an escaped name', token: withPayload(toJson(claims).replace('"sub"', '"s\\u0075b"')) },
    { name: 'a payload with escaped slashes', token: withPayload(toJson(claims).replaceAll('/', '\\/')) },
    { name: 'a signature with s replaced by n - s', token: mangleSignature(signer, header, claims, flipped) },
    { name: 'a signature whose r begins with a zero byte', token: sealUntil(signer, claims, bytes => bytes[0] === 0) },
    { name: 'a signature whose s begins with a zero byte', token: sealUntil(signer, claims, bytes => bytes[32] === 0) },
    { name: 'a signature whose r and s have their first bit set', token: sealUntil(signer, claims, hasBothSignBits) },
    { name: 'a token of exactly 4096 bytes', token: tokenOfLength(signer, claims, 4096) }
  ]
}

function goodClaims({ claims, nowSeconds, maxLifeSeconds, clockSkewSeconds, withClaims, withPayload }: Bench): Row[] {
  const opened = toJson(claims).slice(0, -1)
  return [
    { name: 'an administrator', token: withClaims({ role: 'admin' }) },
    { name: 'an address not verified', token: withClaims({ email_verified: false }) },
    { name: 'an empty name', token: withClaims({ name: '' }) },
    { name: 'a name in many scripts', token: withClaims({ name: 'Zoë 李小龍 Ѳ שלום 👩🏽‍🚀' }) },
    { name: 'a name with an escaped surrogate pair', token: withPayload(`${opened},"x":"\\ud83d\\ude00"}`) },
    { name: 'a name with quotes, colons and brackets', token: withClaims({ name: '\\"a":{"a":[1]}, \\\\' }) },
    { name: 'claims that we do not know', token: withClaims({ scope: 'a b', tenant: { id: 1, tags: ['a', null] } }) },
    { name: 'a name used at two depths', token: withClaims({ other: { iss: 'x', other: { iss: 'y' } } }) },
    { name: 'a name used twice in an array of objects', token: withClaims({ other: [{ a: 1 }, { a: 2 }] }) },
    {
      name: 'an own member __proto__ beside all claims',
      token: withPayload(`${opened},"__proto__":{"role":"admin"}}`)
    },
    { name: 'sixteen levels', token: withPayload(`${opened},"deep":${'['.repeat(15)}${']'.repeat(15)}}`) },
    { name: 'the longest life', token: withClaims({ exp: claims.iat + maxLifeSeconds }) },
    { name: 'a life of one second', token: withClaims({ exp: claims.iat + 1 }), exactClock: true },
    { name: 'times written as floats', token: withPayload(toJson(claims).replace(/("exp":\d+)/, '$1.0')) },
    { name: 'times written with an exponent', token: withPayload(toJson(claims).replace(/("exp":\d+)/, '$1e0')) },
    { name: 'nbf reached', token: withClaims({ nbf: nowSeconds - 0.5 }) },
    {
      name: 'nbf at the edge of the skew',
      token: withClaims({ nbf: nowSeconds + clockSkewSeconds }),
      exactClock: true
    },
    {
      name: 'iat at the edge of the skew',
      token: withClaims(issuedIn(clockSkewSeconds, nowSeconds)),
      exactClock: true
    },
    {
      name: 'exp one second before the edge of the skew',
      token: withClaims({ iat: nowSeconds - 60, exp: nowSeconds - clockSkewSeconds + 1 }),
      exactClock: true
    }
  ]
}

function goodEd25519({ edSigner, claims }: Bench): Row[] {
  if (!edSigner) return []
  const header = headerOf(edSigner)
  return [
    { name: 'a token signed with EdDSA', token: sealToken(edSigner, header, claims) },
    { name: 'Ed25519, the name of RFC 9864', token: sealToken(edSigner, { ...header, alg: 'Ed25519' }, claims) }
  ]
}

function expired({ nowSeconds, clockSkewSeconds, withClaims }: Bench): Row[] {
  const edge = { iat: nowSeconds - 60, exp: nowSeconds - clockSkewSeconds }
  return [
    { name: 'expired exactly at the edge of the skew', token: withClaims(edge), exactClock: true },
    { name: 'expired an hour ago', token: withClaims(issuedIn(-4500, nowSeconds)) },
    { name: 'expired years ago', token: withClaims(issuedIn(-100_000_000, nowSeconds)) },
    { name: 'expired in 1970', token: withClaims({ iat: 0, exp: 900 }) },
    { name: 'expired, with claims that we do not know', token: withClaims({ ...issuedIn(-4500, nowSeconds), x: 1 }) }
  ]
}

// Hostile: the three parts

// Over 40 lines: a table of vectors.
function hostileShapes({ signer, header, claims, genuine }: Bench): Row[] {
  const [h = '', p = '', s = ''] = genuine.split('.')
  const json = { protected: h, signature: s }
  return [
    ...Object.entries({
      nothing: '',
      'a dot': '.',
      'two dots': '..',
      'three dots': '...',
      'a word': 'token',
      'one part': h,
      'two parts': `${h}.${p}`,
      'no header': `.${p}.${s}`,
      'no payload': `${h}..${s}`,
      'a dot before': `.${genuine}`,
      'a dot after': `${genuine}.`,
      'a fourth part': `${genuine}.${s}`,
      'five parts, like a JWE': `${genuine}.${p}.${s}`,
      'payload and header swapped': `${p}.${h}.${s}`,
      'the scheme before': `Bearer ${genuine}`,
      'a comma and a second token': `${genuine},${genuine}`,
      'in quotes': `"${genuine}"`,
      'JSON serialization, flattened': JSON.stringify({ payload: p, ...json }),
      'JSON serialization, general': JSON.stringify({ payload: p, signatures: [json] }),
      'a token in base64url once more': encodePart(genuine),
      'percent-encoded dots': genuine.replaceAll('.', '%2E'),
      'full-width dots': genuine.replaceAll('.', '．'),
      'a megabyte': 'a'.repeat(1_048_576),
      'a megabyte of dots': '.'.repeat(1_048_576),
      'a lone surrogate after': `${genuine}\ud800`
    }).map(([name, token]) => ({ name: `shape: ${name}`, token })),
    { name: 'shape: 4097 bytes', token: tokenOfLength(signer, claims, 4097) },
    { name: 'shape: 8 KiB', token: sealToken(signer, header, { ...claims, x: 'x'.repeat(6000) }) },
    { name: 'shape: an empty payload, signed', token: sealToken(signer, header, '') },
    { name: 'shape: an empty header, signed', token: sealToken(signer, '', claims) },
    {
      name: 'shape: detached content (RFC 7515 appendix F)',
      token: `${h}..${encodePart(signRaw(signer, `${h}.${p}`))}`
    }
  ]
}

/** Every other way to write the same bytes, each with a genuine signature over the written form. */
// Over 40 lines: a table of vectors.
function hostileEncodings({ signer, header, claims, genuine }: Bench): Row[] {
  // Three octets more or less change how many bits are left over at a part's end.
  const headerPart = encodePart(padTo(header, 1))
  const payloadPart = encodePart(padTo(claims, 1))
  const signaturePart = genuine.slice(genuine.lastIndexOf('.') + 1)
  const unsigned = genuine.slice(0, genuine.lastIndexOf('.'))
  const twoOver = (part: object) => encodePart(padTo(part, 2))

  const spoilt: Readonly<Record<string, (part: string) => string>> = {
    'one pad character': part => `${part}=`,
    'two pad characters': part => `${part}==`,
    'a space before': part => ` ${part}`,
    'a space after': part => `${part} `,
    'a space inside': part => `${part.slice(0, 8)} ${part.slice(8)}`,
    'a line feed after': part => `${part}\n`,
    'a carriage return inside': part => `${part.slice(0, 8)}\r${part.slice(8)}`,
    'a tab before': part => `\t${part}`,
    'NUL after': part => `${part}\0`,
    'a byte order mark before': part => `\ufeff${part}`,
    'a plus sign': part => `${part.slice(0, 8)}+${part.slice(9)}`,
    'a slash': part => `${part.slice(0, 8)}/${part.slice(9)}`,
    'a character outside of the alphabet': part => `${part.slice(0, 8)}!${part.slice(9)}`,
    'a look-alike letter': part => `${part.slice(0, 8)}а${part.slice(9)}`,
    'a lone character at the end': part => `${part.slice(0, part.length - (part.length % 4))}A`,
    'percent-encoding': part => `%${part.charCodeAt(0).toString(16)}${part.slice(1)}`,
    'trailing bits not zero': withTrailingBit
  }
  return [
    ...Object.entries(spoilt).flatMap(([what, spoil]) => [
      { name: `header part: ${what}`, token: sealParts(signer, spoil(headerPart), payloadPart) },
      { name: `payload part: ${what}`, token: sealParts(signer, headerPart, spoil(payloadPart)) },
      { name: `signature part: ${what}`, token: `${unsigned}.${spoil(signaturePart)}` }
    ]),
    {
      name: 'header part: the last of two trailing bits not zero',
      token: sealParts(signer, withTrailingBit(twoOver(header)), payloadPart)
    },
    {
      name: 'payload part: the last of two trailing bits not zero',
      token: sealParts(signer, headerPart, withTrailingBit(twoOver(claims)))
    }
  ]
}

/** Invalid bytes inside a part, in the header and in the payload. */
// Over 40 lines: a table of vectors.
function hostileText({ header, claims, withHeader, withPayload }: Bench): Row[] {
  const bytes = (...values: number[]) => Buffer.from(values)
  const inString = (json: string, raw: Uint8Array) =>
    Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), raw, Buffer.from('"}')])
  const adding = (json: string, members: string) => `${json.slice(0, -1)},${members}}`
  const firstMember = (json: string) => json.slice(1, json.indexOf(','))

  const spoilt: Readonly<Record<string, (json: string) => Part>> = {
    'a byte order mark': json => `\ufeff${json}`,
    'UTF-16': json => Buffer.from(json, 'utf16le'),
    'NUL after': json => `${json}\0`,
    'NUL before': json => `\0${json}`,
    'a raw NUL in a string': json => inString(json, bytes(0)),
    'a raw line feed in a string': json => inString(json, bytes(0x0a)),
    'Latin-1': json => inString(json, bytes(0xe9)),
    'an overlong slash, C0 AF': json => inString(json, bytes(0xc0, 0xaf)),
    'an overlong NUL, C0 80': json => inString(json, bytes(0xc0, 0x80)),
    'an overlong slash, E0 80 AF': json => inString(json, bytes(0xe0, 0x80, 0xaf)),
    'a surrogate in UTF-8': json => inString(json, bytes(0xed, 0xa0, 0x80)),
    'a surrogate pair in UTF-8 (CESU-8)': json => inString(json, bytes(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)),
    'beyond Unicode, F4 90 80 80': json => inString(json, bytes(0xf4, 0x90, 0x80, 0x80)),
    'a stray continuation byte': json => inString(json, bytes(0x80)),
    'a character cut short': json => inString(json, bytes(0xe2, 0x82)),
    FF: json => inString(json, bytes(0xff)),
    'an escaped lone high surrogate': json => adding(json, '"x":"\\ud800"'),
    'an escaped lone low surrogate': json => adding(json, '"x":"\\udc00"'),
    'escaped surrogates in the wrong order': json => adding(json, '"x":"\\ude00\\ud83d"'),
    'a lone surrogate as a name': json => adding(json, '"\\ud800":1'),
    'a lone surrogate deep inside': json => adding(json, '"x":[{"y":["\\udfff"]}]'),
    'an array': json => `[${json}]`,
    'a string': json => JSON.stringify(json),
    'a number': () => '1',
    null: () => 'null',
    true: () => 'true',
    'an empty object': () => '{}',
    'a second object after': json => `${json}{}`,
    'a letter after': json => `${json}x`,
    'a comma at the end': json => `${json.slice(0, -1)},}`,
    'no closing brace': json => json.slice(0, -1),
    'a comment': json => `${json}/**/`,
    'single quotes': json => json.replaceAll('"', "'"),
    'a bare name': json => adding(json, 'x:1'),
    'an unknown escape': json => adding(json, '"x":"\\x41"'),
    NaN: json => adding(json, '"x":NaN'),
    Infinity: json => adding(json, '"x":Infinity'),
    'a hexadecimal number': json => adding(json, '"x":0x10'),
    'a leading zero': json => adding(json, '"x":01'),
    'a no-break space between members': json => json.replace(',', ',\u00a0'),
    'a duplicate with the same value': json => adding(json, firstMember(json)),
    'a duplicate with another value': json => adding(json, `${firstMember(json).split(':')[0]}:"other"`),
    'a duplicate that comes first': json => json.replace('{', `{${firstMember(json).split(':')[0]}:"other",`),
    'a duplicate with space before its colon': json => adding(json, `${firstMember(json).split(':')[0]} \n:"other"`),
    'an escaped duplicate': json => adding(json, `"\\u00${json.charCodeAt(2).toString(16)}${json.slice(3, 5)}":1`),
    'a duplicate of an unknown member': json => adding(json, '"x":1,"x":2'),
    'a duplicate deep inside': json => adding(json, '"x":[0,{"y":{"z":1,"z":1}}]'),
    'a duplicate after a nested object': json => adding(json, '"x":{"y":{}},"x":1'),
    'a duplicate empty name': json => adding(json, '"":1,"":2'),
    'a duplicate name with escaped quotes': json => adding(json, '"a\\"b":1,"a\\u0022b":2'),
    'a duplicate __proto__': json => adding(json, '"__proto__":1,"__proto__":2'),
    'all members in __proto__': json => `{"__proto__":${json}}`,
    'seventeen levels': json => adding(json, `"x":${'['.repeat(16)}${']'.repeat(16)}`),
    'a thousand arrays deep': json => adding(json, `"x":${'['.repeat(1000)}${']'.repeat(1000)}`),
    'a hundred objects deep': json => adding(json, `"x":${'{"a":'.repeat(100)}1${'}'.repeat(100)}`),
    'a thousand arrays opened': json => adding(json, `"x":${'['.repeat(1000)}`)
  }
  return Object.entries(spoilt).flatMap(([what, spoil]) => [
    { name: `header text: ${what}`, token: withHeader(spoil(toJson(header))) },
    { name: `payload text: ${what}`, token: withPayload(spoil(toJson(claims))) }
  ])
}

// Hostile: the header

function hostileHeaders({ signer, header, claims, withHeader }: Bench): Row[] {
  const publicJwk = publicJwkOf(signer)
  const foreign = generateSigner('ES256', header.kid)
  const { alg, typ, kid } = header
  const headers: Readonly<Record<string, object>> = {
    'no alg': { typ, kid },
    'no typ': { alg, kid },
    'no kid': { alg, typ },
    'crit empty': { ...header, crit: [] },
    'crit unknown': { ...header, crit: ['x'], x: 1 },
    'crit null': { ...header, crit: null },
    'crit exp': { ...header, crit: ['exp'], exp: 9_999_999_999 },
    'b64 false': { ...header, b64: false, crit: ['b64'] },
    'b64 false, not critical': { ...header, b64: false },
    'b64 true': { ...header, b64: true },
    'jwk, our own': { ...header, jwk: publicJwk },
    'jwk, foreign': { ...header, jwk: publicJwkOf(foreign) },
    jku: { ...header, jku: 'https://evil.example/jwks.json' },
    x5u: { ...header, x5u: 'https://evil.example/cert.pem' },
    x5c: { ...header, x5c: ['MIIB'] }
  }
  // biome-ignore format: one value a line would hide the list
  const typs: readonly unknown[] = [
    'JWT', 'jwt', '', 'at', 'at+jw', 'at+jwt ', ' at+jwt', 'at+jwt;q=1', 'at-jwt', 'application/', 'application/jwt',
    'application/application/at+jwt', 'text/at+jwt', 'rt+jwt', 'logout+jwt', 'dpop+jwt', 'at+jwt\0', 'at+jwt\n', 'ät+jwt',
    ['at+jwt'], { typ: 'at+jwt' }, null, true, 1
  ]
  return [
    ...Object.entries(headers).map(([name, value]) => ({ name: `header: ${name}`, token: withHeader(value) })),
    ...typs.map(value => ({ name: `typ: ${toJson(value)}`, token: withHeader({ ...header, typ: value }) })),
    {
      name: 'header: jwk, foreign, and signed with it',
      token: sealToken(foreign, { ...header, jwk: publicJwkOf(foreign) }, claims)
    }
  ]
}

// Over 40 lines: a table of vectors.
function hostileAlgorithms({ signer, edSigner, header, claims, genuine, withHeader }: Bench): Row[] {
  // biome-ignore format: one value a line would hide the list
  const algs: readonly unknown[] = [
    'none', 'None', 'NONE', 'nOnE', '', ' ', 'es256', 'Es256', 'ES256 ', ' ES256', 'ES256\0', 'ES256\n', 'ЕS256', 'ES256K',
    'ES384', 'ES512', 'HS256', 'HS384', 'HS512', 'RS256', 'PS256', 'EdDSA', 'Ed25519', 'Ed448', 'ESP256', 'ML-DSA-44', 'ECDSA',
    'dir', 'ECDH-ES', 'A128KW', 'PBES2-HS256+A128KW', '__proto__', 'constructor', 'toString', 'hasOwnProperty',
    ['ES256'], ['none', 'ES256'], { alg: 'ES256' }, null, true, false, 0, 1, -7
  ]
  const publicKey = createPublicKey(signer.privateKey)
  const jwk = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(jwk.x ?? '', 'base64url'),
    Buffer.from(jwk.y ?? '', 'base64url')
  ])
  const secrets: Readonly<Record<string, string | Uint8Array>> = {
    'the public key as PEM': publicKey.export({ format: 'pem', type: 'spki' }),
    'the public key as DER': publicKey.export({ format: 'der', type: 'spki' }),
    'the public point': point,
    'the public x': Buffer.from(jwk.x ?? '', 'base64url'),
    'the public JWK': JSON.stringify(publicJwkOf(signer)),
    'the public JWK, bare': JSON.stringify(jwk),
    'the kid': header.kid,
    nothing: ''
  }
  const unsigned = `${encodePart({ ...header, alg: 'none' })}.${encodePart(claims)}`
  return [
    ...algs.map(alg => ({ name: `alg: ${toJson(alg)}`, token: withHeader({ ...header, alg }) })),
    { name: 'alg none, unsigned', token: `${unsigned}.` },
    { name: 'alg none, two parts', token: unsigned },
    { name: 'alg none, another signature', token: `${unsigned}.${genuine.split('.')[2]}` },
    { name: 'alg none without kid', token: `${encodePart({ alg: 'none', typ: 'at+jwt' })}.${encodePart(claims)}.` },
    ...Object.entries(secrets).flatMap(([name, secret]) => [
      ...[256, 384, 512].map(bits => ({
        name: `HS${bits} with ${name} as its secret`,
        token: mangleSignature(signer, { ...header, alg: `HS${bits}` }, claims, (_, input) =>
          hmac(`sha${bits}`, secret, input)
        )
      })),
      {
        name: `an HMAC under ES256 with ${name} as its secret`,
        token: mangleSignature(signer, header, claims, (_, input) => hmac('sha512', secret, input))
      }
    ]),
    ...(edSigner ? boundToTheOtherKey(signer, edSigner, claims) : [])
  ]
}

/** Two known keys and two accepted algorithms, crossed. */
function boundToTheOtherKey(signer: Signer, edSigner: Signer, claims: AccessClaims): Row[] {
  const es256 = headerOf(signer)
  const edDsa = headerOf(edSigner)
  return [
    { name: 'EdDSA with the kid of the ES256 key', token: sealToken(edSigner, { ...edDsa, kid: es256.kid }, claims) },
    { name: 'ES256 with the kid of the Ed25519 key', token: sealToken(signer, { ...es256, kid: edDsa.kid }, claims) },
    { name: 'ES256 signed with the Ed25519 key', token: sealToken(edSigner, es256, claims) },
    { name: 'EdDSA signed with the ES256 key', token: sealToken(signer, edDsa, claims) }
  ]
}

function hostileKids({ signer, header, claims, withHeader }: Bench): Row[] {
  const { kid } = header
  // biome-ignore format: one value a line would hide the list
  const kids: readonly unknown[] = [
    '', 'unknown', randomUUID(), `${kid} `, ` ${kid}`, `${kid}\0`, `${kid}\n`, `${kid}x`, kid.slice(0, -1), kid.split('').toReversed().join(''),
    '__proto__', 'constructor', 'hasOwnProperty', 'toString', 'size', '0', '../../dev/null', "' OR '1'='1", '$(id)', 'x'.repeat(2000), 
    'https://evil.example/key', [kid], [[kid]], { kid }, { toString: kid }, null, true, false, 0, 1, 1e9, -1, []
  ]
  return [
    ...kids.map((value, index) => ({
      name: `kid ${index}: ${toJson(value).slice(0, 60)}`,
      token: withHeader({ ...header, kid: value })
    })),
    { name: 'a foreign key under our kid', token: sealToken(generateSigner('ES256', kid), header, claims) },
    {
      name: 'a foreign key under a kid of its own',
      token: sealToken(generateSigner('ES256'), { ...header, kid: 'foreign' }, claims)
    },
    { name: 'a foreign Ed25519 key under our kid', token: sealToken(generateSigner('EdDSA', kid), header, claims) },
    { name: 'a kid for JSON that looks like ours', token: withHeader({ ...header, kid: { 0: kid, length: 1 } }) },
    {
      name: 'the kid only in the payload',
      token: sealToken(signer, { alg: 'ES256', typ: 'at+jwt' }, { ...claims, kid })
    }
  ]
}

// Hostile: the signature

// Over 40 lines: a table of vectors.
function hostileSignatures({ signer, header, claims, genuine }: Bench): Row[] {
  const [h = '', p = '', s = ''] = genuine.split('.')
  const r = (signature: Uint8Array) => signature.subarray(0, 32)
  const second = (signature: Uint8Array) => signature.subarray(32)
  const zero = toBytes(0n)
  const order = toBytes(P256_ORDER)
  const join = (...parts: Uint8Array[]) => Buffer.concat(parts)
  const with256 = (hash: string, input: string | Uint8Array) =>
    sign(hash, Buffer.from(input), { key: signer.privateKey, dsaEncoding: 'ieee-p1363' })

  const spoilt: Readonly<Record<string, (genuine: Uint8Array, input: string) => Part>> = {
    'in DER': (_, input) => sign('sha256', Buffer.from(input), signer.privateKey),
    'in DER, cut to 64 bytes': (_, input) => sign('sha256', Buffer.from(input), signer.privateKey).subarray(0, 64),
    'of no bytes': () => '',
    'of one byte': signature => signature.subarray(0, 1),
    'of 32 bytes': r,
    'of 63 bytes': signature => signature.subarray(0, 63),
    'without its first byte': signature => signature.subarray(1),
    'of 65 bytes': signature => join(signature, Buffer.of(0)),
    'of 65 bytes, a zero before': signature => join(Buffer.of(0), signature),
    'of 66 bytes, each half with a zero before': signature =>
      join(Buffer.of(0), r(signature), Buffer.of(0), second(signature)),
    'of 96 bytes': signature => join(signature, zero),
    twice: signature => join(signature, signature),
    'of zeros': () => join(zero, zero),
    'with r zero': signature => join(zero, second(signature)),
    'with s zero': signature => join(r(signature), zero),
    'with r one and s one': () => join(toBytes(1n), toBytes(1n)),
    'with r n': signature => join(order, second(signature)),
    'with s n': signature => join(r(signature), order),
    'with r and s n': () => join(order, order),
    'with r n + 1': signature => join(toBytes(P256_ORDER + 1n), second(signature)),
    'with s n + 1': signature => join(r(signature), toBytes(P256_ORDER + 1n)),
    'with r n - r': signature => join(toBytes(P256_ORDER - toInteger(r(signature))), second(signature)),
    'of ones': () => Buffer.alloc(64, 0xff),
    'with r and s swapped': signature => join(second(signature), r(signature)),
    'in little-endian': signature => join(r(signature).toReversed(), second(signature).toReversed()),
    'with its first bit changed': signature => flipBit(signature, 0),
    'with its last bit changed': signature => flipBit(signature, 511),
    'over SHA-384': (_, input) => with256('sha384', input),
    'over SHA-512': (_, input) => with256('sha512', input),
    'over SHA-1': (_, input) => with256('sha1', input),
    'over the payload only': (_, input) => signRaw(signer, input.slice(input.indexOf('.') + 1)),
    'over the header only': (_, input) => signRaw(signer, input.slice(0, input.indexOf('.'))),
    'over a dot more': (_, input) => signRaw(signer, `${input}.`),
    'over the parts without their dot': (_, input) => signRaw(signer, input.replace('.', '')),
    'over the decoded parts': () => signRaw(signer, `${toJson(header)}.${toJson(claims)}`),
    'over nothing': () => signRaw(signer, ''),
    'of random text': () => randomUUID().repeat(2).slice(0, 64)
  }
  return [
    ...Object.entries(spoilt).map(([what, mangle]) => ({
      name: `signature: ${what}`,
      token: mangleSignature(signer, header, claims, mangle)
    })),
    { name: 'signature: over another payload', token: `${h}.${encodePart({ ...claims, role: 'admin' })}.${s}` },
    { name: 'signature: over another header', token: `${encodePart({ ...header, x: 1 })}.${p}.${s}` },
    { name: 'signature: over the same header in another order', token: `${encodePart(reversed(header))}.${p}.${s}` },
    { name: 'signature: over the same payload with a space', token: `${h}.${encodePart(`${toJson(claims)} `)}.${s}` }
  ]
}

function hostileEd25519({ edSigner, claims }: Bench): Row[] {
  if (!edSigner) return []
  const header = headerOf(edSigner)
  const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)])
  const scalarPlus = (addend: bigint) => (signature: Uint8Array) =>
    Buffer.concat([signature.subarray(0, 32), toBytes(toInteger(signature.slice(32).reverse()) + addend).reverse()])
  const spoilt: Readonly<Record<string, (genuine: Uint8Array, input: string) => Part>> = {
    'of no bytes': () => '',
    'of 63 bytes': signature => signature.subarray(0, 63),
    'of 65 bytes': signature => Buffer.concat([signature, Buffer.of(0)]),
    'of zeros': () => Buffer.alloc(64),
    'of ones': () => Buffer.alloc(64, 0xff),
    'with R the identity and S zero': () => Buffer.concat([identity, Buffer.alloc(32)]),
    'with S + L (RFC 8032 §5.1.7)': scalarPlus(ED25519_ORDER),
    'with S + 1': scalarPlus(1n),
    'with its first bit changed': signature => flipBit(signature, 0),
    'over another input': () => signRaw(edSigner, 'another'),
    'by a foreign key': (_, input) => signRaw(generateSigner('EdDSA'), input)
  }
  const withAlg = (alg: unknown) => ({
    name: `Ed25519 key, alg ${toJson(alg)}`,
    token: sealToken(edSigner, { ...header, alg }, claims)
  })
  return [
    ...Object.entries(spoilt).map(([what, mangle]) => ({
      name: `Ed25519 signature: ${what}`,
      token: mangleSignature(edSigner, header, claims, mangle)
    })),
    ...['ES256', 'eddsa', 'EDDSA', 'ed25519', 'Ed25519ph', 'Ed448', ['EdDSA'], 'none'].map(withAlg)
  ]
}

// Hostile: the claims

// Over 40 lines: a table of vectors.
function hostileClaims({ issuer, audience, claims, withClaims, withPayload }: Bench): Row[] {
  const notText: readonly unknown[] = [null, true, 0, 1, [], ['x'], {}, 'NUL\0']
  const notUuid: readonly unknown[] = [
    ...notText,
    '',
    'x',
    claims.sub.toUpperCase(),
    `{${claims.sub}}`,
    `urn:uuid:${claims.sub}`,
    claims.sub.replaceAll('-', ''),
    `${claims.sub}\n`,
    ` ${claims.sub}`,
    `${claims.sub}0`,
    claims.sub.slice(0, -1),
    claims.sub.replace('0', 'g'),
    '00000000-0000-0000-0000-000000000000',
    [claims.sub]
  ]
  const near = (name: string): readonly unknown[] => [
    `${name}/`,
    `${name}//`,
    name.slice(0, -1),
    `${name} `,
    ` ${name}`,
    `${name}\n`,
    name.toUpperCase(),
    `${name}.evil.example`,
    `${name}?`,
    `${name}#`,
    `https://evil.example/${name}`,
    'https://evil.example',
    '*',
    '',
    name.replace('https:', 'http:').replace('//', '//www.')
  ]
  const wrong: Readonly<Record<keyof AccessClaims, readonly unknown[]>> = {
    iss: [...notText, ...near(issuer), [issuer], { iss: issuer }],
    aud: [
      ...notText,
      ...near(audience),
      [audience],
      [audience, audience],
      [audience, 'x'],
      ['x', audience],
      { 0: audience }
    ],
    sub: notUuid,
    sid: notUuid,
    jti: notUuid,
    iat: notSeconds(claims.iat),
    exp: notSeconds(claims.exp),
    client_id: [...notText, ''],
    rot: [null, true, '0', '', -1, 0.5, [0], {}, Number.MAX_SAFE_INTEGER + 1],
    email: [...notText, ''],
    email_verified: [null, 0, 1, 'true', 'false', '', [], [true], {}],
    role: [
      null,
      true,
      0,
      '',
      'root',
      'Admin',
      'ADMIN',
      'admin ',
      'user,admin',
      ['admin'],
      { role: 'admin' },
      '__proto__'
    ],
    name: [null, true, 0, [], {}, 'NUL\0']
  }
  return [
    ...Object.entries(wrong).flatMap(([claim, values]) => [
      { name: `no ${claim}`, token: withClaims({ [claim]: undefined }) },
      { name: `${claim} only in __proto__`, token: withPayload(inProto(claims, claim)) },
      {
        name: `${claim} in another case`,
        token: withPayload(toJson(claims).replace(`"${claim}"`, `"${claim.toUpperCase()}"`))
      },
      ...values.map((value, index) => ({
        name: `${claim} ${index}: ${toJson(value)}`,
        token: withClaims({ [claim]: value })
      }))
    ]),
    // Values that JSON can write and JavaScript cannot represent.
    ...['1e400', '-1e400', '1e-1', '9007199254740993', '18446744073709551616'].flatMap(number => [
      { name: `exp ${number}`, token: withPayload(toJson(claims).replace(/"exp":\d+/, `"exp":${number}`)) },
      { name: `iat ${number}`, token: withPayload(toJson(claims).replace(/"iat":\d+/, `"iat":${number}`)) }
    ])
  ]
}

function hostileTimes({ claims, nowSeconds, maxLifeSeconds, clockSkewSeconds, withClaims, withPayload }: Bench): Row[] {
  const { iat } = claims
  const edge = nowSeconds + clockSkewSeconds
  const nbfs: readonly unknown[] = [nowSeconds + 3600, Number.MAX_SAFE_INTEGER, String(iat), null, true, [iat], {}, '']
  return [
    { name: 'a life one second too long', token: withClaims({ exp: iat + maxLifeSeconds + 1 }) },
    { name: 'a life of an hour', token: withClaims({ exp: iat + 3600 + maxLifeSeconds }) },
    { name: 'a life of a century', token: withClaims({ exp: iat + 3_153_600_000 }) },
    { name: 'a life for ever', token: withClaims({ exp: Number.MAX_SAFE_INTEGER }) },
    { name: 'a life from 1970', token: withClaims({ iat: 0 }) },
    { name: 'a life of no second', token: withClaims({ exp: iat }) },
    { name: 'a life that ends before it begins', token: withClaims({ exp: iat - 1 }) },
    {
      name: 'iat one second past the skew',
      token: withClaims(issuedIn(clockSkewSeconds + 1, nowSeconds)),
      exactClock: true
    },
    { name: 'iat in an hour', token: withClaims(issuedIn(3600, nowSeconds)) },
    { name: 'iat in milliseconds', token: withClaims({ iat: iat * 1000, exp: iat * 1000 + 900 }) },
    { name: 'nbf half a second past the skew', token: withClaims({ nbf: edge + 0.5 }), exactClock: true },
    ...nbfs.map((nbf, index) => ({ name: `nbf ${index}: ${toJson(nbf)}`, token: withClaims({ nbf }) })),
    { name: 'nbf 1e400', token: withPayload(`${toJson(claims).slice(0, -1)},"nbf":1e400}`) },
    { name: 'nbf -1e400', token: withPayload(`${toJson(claims).slice(0, -1)},"nbf":-1e400}`) }
  ]
}

/** Expired and also forged: the answer must be the same as for any other forgery. */
function expiredForgeries({
  signer,
  header,
  claims,
  nowSeconds,
  maxLifeSeconds,
  withClaims,
  withPayload
}: Bench): Row[] {
  const past = issuedIn(-4500, nowSeconds)
  const old = { ...claims, ...past }
  return [
    { name: 'expired, foreign key', token: sealToken(generateSigner('ES256', signer.kid), header, old) },
    {
      name: 'expired, one bit of the signature changed',
      token: mangleSignature(signer, header, old, bytes => flipBit(bytes, 9))
    },
    { name: 'expired, alg none', token: `${encodePart({ ...header, alg: 'none' })}.${encodePart(old)}.` },
    { name: 'expired, typ JWT', token: sealToken(signer, { ...header, typ: 'JWT' }, old) },
    { name: 'expired, kid unknown', token: sealToken(signer, { ...header, kid: 'unknown' }, old) },
    { name: 'expired, another issuer', token: withClaims({ ...past, iss: 'https://evil.example' }) },
    { name: 'expired, another audience', token: withClaims({ ...past, aud: 'https://evil.example' }) },
    { name: 'expired, role root', token: withClaims({ ...past, role: 'root' }) },
    { name: 'expired, no sid', token: withClaims({ ...past, sid: undefined }) },
    { name: 'expired, life too long', token: withClaims({ ...past, iat: past.exp - maxLifeSeconds - 1 }) },
    { name: 'expired, nbf in the future', token: withClaims({ ...past, nbf: nowSeconds + 3600 }) },
    { name: 'expired, a duplicate member', token: withPayload(`${toJson(old).slice(0, -1)},"exp":${past.exp}}`) },
    { name: 'expired before it was issued', token: withClaims({ exp: nowSeconds - 3600 }) },
    { name: 'expired, not UTF-8', token: withPayload(Buffer.concat([Buffer.from(toJson(old)), Buffer.of(0xff)])) }
  ]
}

// Small pieces

function toJson(value: unknown): string {
  return JSON.stringify(value)
}

function reversed(value: object): object {
  return Object.fromEntries(Object.entries(value).toReversed())
}

function issuedIn(seconds: number, nowSeconds: number): { iat: number; exp: number } {
  return { iat: nowSeconds + seconds, exp: nowSeconds + seconds + 60 }
}

function notSeconds(seconds: number): readonly unknown[] {
  return [
    null,
    true,
    '',
    String(seconds),
    seconds + 0.5,
    -1,
    -seconds,
    2 ** 53,
    1e300,
    [seconds],
    {},
    new Date(seconds * 1000)
  ]
}

/** The claims with one of them moved to where only a prototype lookup would find it. */
function inProto(claims: AccessClaims, claim: string): string {
  const { [claim]: moved, ...rest } = Object.fromEntries(Object.entries(claims))
  return `${toJson(rest).slice(0, -1)},"__proto__":${toJson({ [claim]: moved })}}`
}

/** JSON with spaces at its end, so that its length leaves `remainder` when divided by three. */
function padTo(value: object, remainder: number): string {
  let json = toJson(value)
  while (Buffer.byteLength(json) % 3 !== remainder) json += ' '
  return json
}

/** The same bytes to a forgiving decoder: the lowest bit of the last character is one that no octet uses. */
function withTrailingBit(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(part.at(-1) ?? '')
  return part.slice(0, -1) + alphabet.charAt(last + 1)
}

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const index = bit >> 3
  return bytes.with(index, (bytes[index] ?? 0) ^ (1 << (bit & 7)))
}

function toInteger(bigEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bigEndian).toString('hex')}`)
}

function toBytes(integer: bigint): Uint8Array {
  return Buffer.from(integer.toString(16).padStart(64, '0'), 'hex')
}

function hasBothSignBits(signature: Uint8Array): boolean {
  return (signature[0] ?? 0) > 0x7f && (signature[32] ?? 0) > 0x7f
}

/** Signs until the signature has a rare form: ES256 draws a new nonce each time, so that one in 256 begins with a zero. */
function sealUntil(signer: Signer, claims: AccessClaims, isWanted: (signature: Uint8Array) => boolean): string {
  const input = `${encodePart(headerOf(signer))}.${encodePart(claims)}`
  for (;;) {
    const signature = signRaw(signer, input)
    if (isWanted(signature)) return `${input}.${encodePart(signature)}`
  }
}

function tokenOfLength(signer: Signer, claims: AccessClaims, length: number): string {
  for (let pad = 0; pad < 3 * length; pad += 1) {
    // A part is never 4k + 1 characters long: spaces in the header reach the lengths that the payload cannot.
    const header = encodePart(JSON.stringify(headerOf(signer)) + ' '.repeat(pad % 3))
    const payload = encodePart({ ...claims, pad: 'x'.repeat(Math.floor(pad / 3)) })
    if (header.length + payload.length + 2 + 86 === length) return sealParts(signer, header, payload)
  }
  throw new Error(`No token can be made of ${length} characters`)
}
