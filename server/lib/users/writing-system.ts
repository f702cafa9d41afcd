/** Whether a text keeps to one writing system, so that no letter in it passes for one of another. */

/**
 * Scripts in use today: recommended and of limited use by UAX #31, tables 5 and 7. Historic ones are left out. Which
 * characters belong to each is for the runtime's Unicode tables to say.
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
 * Single script (UTS 39 §5.2), where ASCII stands beside it. Security: its letters only in the writing of East Asia,
 * which shares none of their shapes; beside Cyrillic, Greek and others an `a` could be either of two.
 */
const WRITING_SYSTEMS = [
  /^[\p{ASCII}\p{Script_Extensions=Latin}]*$/u,
  /^[\p{ASCII}\p{Script_Extensions=Han}\p{Script_Extensions=Hiragana}\p{Script_Extensions=Katakana}]*$/u,
  /^[\p{ASCII}\p{Script_Extensions=Han}\p{Script_Extensions=Hangul}]*$/u,
  /^[\p{ASCII}\p{Script_Extensions=Han}\p{Script_Extensions=Bopomofo}]*$/u,
  ...SCRIPTS.map(script => new RegExp(`^(?![^]*[A-Za-z])[\\p{ASCII}\\p{Script_Extensions=${script}}]*$`, 'u'))
]

/**
 * Marks that belong to no script of their own, so that they fit on any letter: what NFC did not compose looks like
 * another letter or like none (`i` and U+0307, `d` and U+0335). The second is a mark without a letter or set twice.
 */
const FOREIGN_MARK = /\p{Script=Inherited}/u
const STRAY_MARK = /(?:^|[^\p{L}\p{M}])\p{M}|(\p{Mn})\1/u

/** The block of modifier letters that look like punctuation: `oʼbrien` with U+02BC passes for `o'brien`. */
const MODIFIER_LETTER = /[\u02b0-\u02ff]/

/**
 * Whether a text in NFC is written in one system: one script and ASCII, or the scripts that Japanese, Korean or Chinese
 * are written in together.
 */
export function isInOneWritingSystem(text: string): boolean {
  const isMisleading = [FOREIGN_MARK, STRAY_MARK, MODIFIER_LETTER].some(pattern => pattern.test(text))
  return !isMisleading && WRITING_SYSTEMS.some(system => system.test(text))
}
