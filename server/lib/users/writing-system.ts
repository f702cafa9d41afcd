/** Whether a text is written in one writing system, so that no letter passes for a letter of another system. */

/**
 * Scripts in use today: "recommended" and "limited use" in UAX #31, tables 5 and 7, without historic scripts. The Unicode
 * tables of the runtime say which characters belong to each.
 */
const SCRIPTS = [
  ...['Arabic', 'Armenian', 'Bengali', 'Bopomofo', 'Cyrillic', 'Devanagari', 'Ethiopic', 'Georgian', 'Greek'],
  ...['Gujarati', 'Gurmukhi', 'Hebrew', 'Kannada', 'Khmer', 'Lao', 'Malayalam', 'Myanmar', 'Oriya', 'Sinhala'],
  ...['Tamil', 'Telugu', 'Thaana', 'Thai', 'Tibetan'],
  ...['Adlam', 'Balinese', 'Bamum', 'Batak', 'Canadian_Aboriginal', 'Chakma', 'Cham', 'Cherokee', 'Javanese'],
  ...['Kayah_Li', 'Lepcha', 'Limbu', 'Lisu', 'Mandaic', 'Meetei_Mayek', 'Miao', 'Mongolian', 'New_Tai_Lue', 'Newa'],
  ...['Nko', 'Nyiakeng_Puachue_Hmong', 'Ol_Chiki', 'Osage', 'Hanifi_Rohingya', 'Saurashtra', 'Sundanese'],
  ...['Syloti_Nagri', 'Syriac', 'Tai_Le', 'Tai_Tham', 'Tai_Viet', 'Tifinagh', 'Vai', 'Wancho', 'Yi']
]

/**
 * Single scripts (UTS 39 §5.2), each together with ASCII.
 *
 * Security: ASCII letters only beside East Asian scripts, which share none of their shapes. Beside Cyrillic, Greek and
 * others an `a` could be either of two letters.
 */
const WRITING_SYSTEMS = [
  /^[\p{ASCII}\p{Script_Extensions=Latin}]*$/u,
  /^[\p{ASCII}\p{Script_Extensions=Han}\p{Script_Extensions=Hiragana}\p{Script_Extensions=Katakana}]*$/u,
  /^[\p{ASCII}\p{Script_Extensions=Han}\p{Script_Extensions=Hangul}]*$/u,
  /^[\p{ASCII}\p{Script_Extensions=Han}\p{Script_Extensions=Bopomofo}]*$/u,
  ...SCRIPTS.map(script => new RegExp(`^(?![^]*[A-Za-z])[\\p{ASCII}\\p{Script_Extensions=${script}}]*$`, 'u'))
]

/**
 * Marks without a script of their own, which fit on any letter. A pair that NFC did not compose looks like another letter
 * or like nothing (`i` and U+0307, `d` and U+0335). The second pattern is a mark without a letter, or one mark twice.
 */
const FOREIGN_MARK = /\p{Script=Inherited}/u
const STRAY_MARK = /(?:^|[^\p{L}\p{M}])\p{M}|(\p{Mn})\1/u

/** The block of modifier letters that look like punctuation: `oʼbrien` with U+02BC passes for `o'brien`. */
const MODIFIER_LETTER = /[\u02b0-\u02ff]/

/**
 * Whether a text in NFC is written in one system: one script and ASCII, or the scripts that Japanese, Korean or Chinese
 * combine.
 */
export function isInOneWritingSystem(text: string): boolean {
  const isMisleading = [FOREIGN_MARK, STRAY_MARK, MODIFIER_LETTER].some(pattern => pattern.test(text))
  return !isMisleading && WRITING_SYSTEMS.some(system => system.test(text))
}
