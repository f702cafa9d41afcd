/** Names of users: visible on one line, and unable to change how a line reads. */

import t from 'tap'
import { NAME_MAX_LENGTH, parsePersonName } from '../../../../server/lib/users/person-name.ts'

t.test('a name is trimmed, in NFC, and otherwise as the user wrote it', async t => {
  const table: readonly [string, string][] = [
    ['Ada', 'Ada'],
    ['  Ada Lovelace ', 'Ada Lovelace'],
    ["Conan O'Brien, Jr. (<b>)", "Conan O'Brien, Jr. (<b>)"],
    ['Ju\u0308rgen', 'J\u00fcrgen'],
    ['محمد', 'محمد'],
    ['👩‍💻', '👩‍💻'],
    ['❤️', '❤️'],
    ['葛\u{e0100}', '葛\u{e0100}'],
    ['نگار\u200cک', 'نگار\u200cک'],
    ['O', 'O'],
    ['7', '7'],
    ['王', '王'],
    ['😀'.repeat(NAME_MAX_LENGTH), '😀'.repeat(NAME_MAX_LENGTH)]
  ]
  for (const [text, name] of table) t.equal(parsePersonName(text), name)
})

/** Characters that a reader does not see, of every kind in Unicode. */
const BLANK = [
  ...['\u2800', '\u{1d159}', '\u{13441}', '\u{13442}', '\u3164', '\uffa0', '\u115f', '\u1160', '\u17b4', '\u17b5'],
  ...[
    '\u200b',
    '\u200c',
    '\u200d',
    '\u2060',
    '\u2063',
    '\u00ad',
    '\u034f',
    '\u180e',
    '\ufeff',
    '\u{1d173}',
    '\u{1bca0}'
  ],
  ...['\ufe0f', '\u180b', '\u{e0100}', '\u{e0001}', '\u{e0041}', '\u{e007f}', '\u3000', '\u00a0', '\u1680', '\u2003'],
  ...['\u0301', '\u0e31', '\u{16fe4}', '\ufff9', '\ue000', '\u{f0000}', '\u{e0fff}', '\u0378']
]

t.test('a name that needs several lines, is invisible or changes the direction of text is refused', async t => {
  const hostile = [
    '',
    '   ',
    'Ada\r\nBcc: eve@example.com',
    'Ada\nEve',
    'Ada\0',
    'Ada\u0007',
    'Ada\u0085Eve',
    'Ada\u2028Eve',
    'Ada\u2029Eve',
    'Ada\u202eevE',
    'Ada\u2066evE',
    'Ada\u200fevE',
    'Ada\u061cevE',
    '\u200b',
    '\u200d\u200c',
    '\u3164',
    '\u115f \u115f',
    ...BLANK,
    ...BLANK.map(blank => `${blank} ${blank}`),
    BLANK.join(''),
    '\ud800',
    'x'.repeat(NAME_MAX_LENGTH + 1)
  ]
  for (const [i, text] of hostile.entries()) t.equal(parsePersonName(text), undefined, `number ${i}`)
})
