/** One spelling for every request target, and none for one that could be read in two ways. */

import t from 'tap'
import { canonicalTarget } from '../../../edge/gateway/canonical-target.ts'
import { between, createRandom, pick, type Random } from '../../../local/random.ts'

const canonical = (target: string) => canonicalTarget(new URL(`http://edge.test${target}`))

/** The canonical path, or `undefined` where the target must be refused. */
const TABLE: Readonly<Record<string, string | undefined>> = {
  '/': '/',
  '/a/b': '/a/b',
  '/a/b/': '/a/b/',
  '/%61/%62': '/a/b',
  '/%41': '/A',
  '/a%2db%2Ec%5fd%7Ee': '/a-b.c_d~e',
  '/a%c3%a9': '/a%C3%A9',
  '/aé': '/a%C3%A9',
  '/a%20b': '/a%20b',
  '/a b': '/a%20b',
  '/a%3bx': '/a%3Bx',
  '/a;x=1': '/a;x=1',
  '/a%3f': '/a%3F',
  '/a%23': '/a%23',
  '/100%25': '/100%25',
  '/100%25/a': '/100%25/a',
  '/100%25%20off': '/100%25%20off',
  '/a%ff': '/a%FF',
  '//a//b': '/a/b',
  '/a///': '/a/',
  '/./a': '/a',
  '/a/../b': '/b',
  '/a/%2e%2e/b': '/b',
  '/a/.%2E/b': '/b',
  '/a/%2e/b': '/a/b',
  '/../../a': '/a',
  '/a/...;x/b': '/a/...;x/b',
  '/a/x;../b': '/a/x;../b',
  '/a/...': '/a/...',
  '/a//../b': '/a/b',
  '\\a\\b': '/a/b',
  '/a/..\\b': '/b',
  '/a\t/b': '/a/b',
  '/a\n': '/a',
  '/a/..;/b': undefined,
  '/a/..;x/b': undefined,
  '/a/.;x=1/b': undefined,
  '/a/..%3bx/b': undefined,
  '/a/%2e%2e;x': undefined,
  '/a%2fb': undefined,
  '/a%2Fb': undefined,
  '/a%5cb': undefined,
  '/a%5C..%5Cb': undefined,
  '/a/%2e%2e%2fb': undefined,
  '/a%00': undefined,
  '/a%0a': undefined,
  '/a%0d%0aX:y': undefined,
  '/a%1f': undefined,
  '/a%7F': undefined,
  '/a%': undefined,
  '/a%4': undefined,
  '/a%zz': undefined,
  '/a%%34%31': undefined,
  '/a%u0041': undefined,
  // Escaped twice, or more often.
  '/a%2541': undefined,
  '/a%25%34%31': undefined,
  '/a%252f': undefined,
  '/a/%252e%252e/b': undefined,
  '/a/%252E%252e/b': undefined,
  '/a/%25%32%65%25%32%65/b': undefined,
  '/a/%25252e%25252e/b': undefined,
  '/a/%%32%65/b': undefined,
  '/a%255c': undefined,
  '/a%253b': undefined,
  '/%2561dmin': undefined,
  '/a%25u002e': undefined,
  // Overlong UTF-8.
  '/a/%c0%ae%c0%ae/b': undefined,
  '/a%c0%af': undefined,
  '/a%c1%9c': undefined,
  '/a%e0%80%af': undefined,
  '/a%f0%80%80%af': undefined,
  // What normalises to syntax.
  '/a/%ef%bc%8e%ef%bc%8e/b': undefined,
  '/a/．．/b': undefined,
  '/a/.．/b': undefined,
  '/a．b': undefined,
  '/a/․․/b': undefined,
  '/a/‥/b': undefined,
  '/a…': undefined,
  '/a/﹒﹒/b': undefined,
  '/a⒈': undefined,
  '/a／b': undefined,
  '/a℅b': undefined,
  '/a∕b': undefined,
  '/a⁄b': undefined,
  '/a＼b': undefined,
  '/a﹨b': undefined,
  '/a∖b': undefined,
  '/a％41': undefined,
  '/a﹪41': undefined,
  '/a/..；x/b': undefined,
  '/a﹔x': undefined,
  '/a\u037ex': undefined,
  '/a/..%20/b': undefined,
  '/a/%20./b': undefined,
  '/a/..%20;x/b': undefined,
  // Other letters are letters.
  '/ａ': '/%EF%BD%81',
  '/½': '/%C2%BD',
  '/モーニング娘。': '/%E3%83%A2%E3%83%BC%E3%83%8B%E3%83%B3%E3%82%B0%E5%A8%98%E3%80%82',
  '/a%c2%a0': '/a%C2%A0',
  '/a%20.': '/a%20.',
  '/.well-known/x': '/.well-known/x'
}

t.test('canonicalTarget() decodes what needs no escape, once, and refuses what could be read in two ways', async t => {
  for (const [target, path] of Object.entries(TABLE)) t.equal(canonical(target)?.path, path, JSON.stringify(target))
})

t.test('canonicalTarget() refuses every character that normalises to syntax, and no other', async t => {
  const [plain, syntax]: [string[], string[]] = [[], []]
  for (let code = 0x80; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const character = String.fromCodePoint(code)
    const isSyntax = /[./\\%;]/.test(character.normalize('NFKC')) || '\u2044\u2215\u2216'.includes(character)
    const kind = isSyntax ? syntax : plain
    kind.push(character)
  }
  // A thousand at once: the target is accepted only if each of them is. Characters that normalisation could combine or
  // reorder are in segments of their own; it never changes unassigned and private ones.
  for (let from = 0; from < plain.length; from += 1_000) {
    const some = plain
      .slice(from, from + 1_000)
      .map(character => (/[\p{Cn}\p{Co}]/u.test(character) ? '' : '/a') + character)
    const pathname = encodeURI(`/a${some.join('')}`)
    const first = plain[from]?.codePointAt(0)?.toString(16)
    if (canonicalTarget({ pathname, search: '' })?.path !== pathname) t.fail(`one of the 1000 from U+${first}`)
  }
  for (const character of syntax) {
    const pathname = encodeURI(`/a${character}`)
    if (canonicalTarget({ pathname, search: '' }) !== undefined) t.fail(`U+${character.codePointAt(0)?.toString(16)}`)
  }
  const refused = syntax.length
  t.ok(refused > 40, `${refused} of them`)
})

t.test('canonicalTarget() leaves the query alone', async t => {
  for (const search of ['', '?a=%2f', '?a=%2e%2e/&b=//', '?%', '?a?b', '?a=%zz', '?next=/api/v1/users/me']) {
    t.equal(canonical(`/a${search}`)?.search, search, search)
  }
  t.strictSame(canonical('/a?'), { path: '/a', search: '' }, 'an empty query is dropped')
  t.strictSame(canonical('/a#/b'), { path: '/a', search: '' }, 'and so is a fragment')
})

t.test('canonicalTarget() of a canonical target is that target, and no URL parser changes it again', async t => {
  const random = createRandom(1)
  let accepted = 0
  for (let round = 0; round < 20_000; round++) {
    const target = randomTarget(random)
    const once = canonical(target)
    if (once === undefined) continue
    accepted++
    const forwarded = new URL(`http://origin.test${once.path}${once.search}`)
    if (forwarded.pathname !== once.path || forwarded.search !== once.search)
      t.fail('the parser changed it', { target })
    const twice = canonicalTarget(forwarded)
    if (twice?.path !== once.path || twice.search !== once.search) t.fail('it was not canonical', { target })
  }
  t.ok(accepted > 5_000, `${accepted} of them were accepted`)
})

t.test('canonicalTarget() gives two targets that a decoder reads alike one spelling', async t => {
  const random = createRandom(2)
  for (let round = 0; round < 5_000; round++) {
    const plain = `/${Array.from({ length: between(random, 1, 12) }, () => pick(random, ['a', 'Z', '0', '-', '_', '~', 'x'])).join('')}`
    const spelt = plain.replace(/[^/]/g, character => (random() < 0.5 ? escapeOf(random, character) : character))
    if (canonical(spelt)?.path !== plain) t.fail('another spelling', { plain, spelt })
  }
  t.equal(canonical('/%61')?.path, canonical('/a')?.path)
})

function randomTarget(random: Random): string {
  const pieces = Array.from({ length: between(random, 1, 10) }, () =>
    // biome-ignore format: one value a line would hide the list
    pick(random, [
      '/', '//', '.', '..', '/./', '/../', '%2e', '%2E%2e', '%41', '%61', '%25', '%2525', '%20', '%3b', ';', 'a', 'users', 'é',
      '%C3%A9', '%e9', '\\', '\t', ' ', '"', '<', '{', '|', '^', '`', "'", '@', ':', '*', '%7e', '%2f', '%00', '%', '?', '?x=%2f', '#'
    ])
  )
  return `/${pieces.join('')}`
}

function escapeOf(random: Random, character: string): string {
  const hex = character.charCodeAt(0).toString(16)
  return `%${random() < 0.5 ? hex : hex.toUpperCase()}`
}
