/** Names of people: what can be shown on one line, and nothing that makes a line read as something else. */

import t from 'tap'
import { NAME_MAX_LENGTH, parsePersonName } from '../../../server/lib/person-name.ts'

t.test('a name is trimmed, in NFC, and otherwise as the person wrote it', async t => {
  const table: readonly [string, string][] = [
    ['Ada', 'Ada'],
    ['  Ada Lovelace ', 'Ada Lovelace'],
    ["Conan O'Brien, Jr. (<b>)", "Conan O'Brien, Jr. (<b>)"],
    ['Ju\u0308rgen', 'J\u00fcrgen'],
    ['محمد', 'محمد'],
    ['👩‍💻', '👩‍💻'],
    ['😀'.repeat(NAME_MAX_LENGTH), '😀'.repeat(NAME_MAX_LENGTH)]
  ]
  for (const [text, name] of table) t.equal(parsePersonName(text), name)
})

t.test('what cannot be shown on one line, or turns it around, is refused', async t => {
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
    '\ud800',
    'x'.repeat(NAME_MAX_LENGTH + 1)
  ]
  for (const [i, text] of hostile.entries()) t.equal(parsePersonName(text), undefined, `number ${i}`)
})
