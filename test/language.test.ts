/** The house style's language, held against every comment and document: plain subjects, and one word for one concept. */

import { readdir } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { clausesOf, commentsOf, paragraphsOf } from './lib/comments.ts'
import { ROOT, readSource, sourcePaths } from './lib/source-files.ts'

/** Clauses that hide their subject, or turn on a filler, per hundred. Libraries that read well have at most 1.3. */
const MAX_PERCENT = 2
const HIDDEN_SUBJECT = /\b(who|whom|whose|whoever|nobody|somebody|what is|else|of late|is none|is no)\b/i

/** Words that once stood for several concepts; the glossary in CONTRIBUTING.md has the one word for each. */
const RETIRED = /hearsay|strangers?\b|\bstandings?\b|take-?off\b|\bfloors?\b(?!\()|\bflights?\b|verdicts?\b|left alone/i
/** Files that name the retired words to say what they test. */
const NAMES_THEM = new Set(['test/language.test.ts'])

t.test('comments name their subject', async t => {
  const clauses = await clausesIn(await sourcePaths(), commentsOf)
  judge(t, clauses, 3_000)
})

t.test('documents name their subject', async t => {
  const documents = (await readdir(ROOT)).filter(name => name.endsWith('.md'))
  judge(t, await clausesIn([...documents, 'edge/README.md', 'bench/README.md'], paragraphsOf), 300)
})

t.test('the counter sees a hidden subject, and reads over a plain one', async t => {
  const source = `
    /** Whoever asks is told. The client waits: nobody else does. */
    const a = 1 // a trailing comment is left out
    // It is no grant.
    // The request passes.
  `
  const clauses = commentsOf(source).flatMap(clausesOf)
  t.strictSame(clauses, [
    'Whoever asks is told.',
    'The client waits:',
    'nobody else does.',
    'It is no grant.',
    'The request passes.'
  ])
  t.strictSame(
    clauses.map(clause => HIDDEN_SUBJECT.test(clause)),
    [true, false, true, true, false]
  )
})

t.test('no source uses a word that the glossary retired', async t => {
  const found: string[] = []
  for (const path of await sourcePaths()) {
    if (NAMES_THEM.has(path)) continue
    for (const [i, line] of (await readSource(path)).split('\n').entries()) {
      if (RETIRED.test(line)) found.push(`${path}:${i + 1}: ${line.trim()}`)
    }
  }
  t.strictSame(found, [])
})

interface Clause {
  readonly path: string
  readonly text: string
}

async function clausesIn(paths: readonly string[], proseOf: (text: string) => string[]): Promise<Clause[]> {
  const lists = await Promise.all(
    paths.map(async path => {
      const clauses = proseOf(await readSource(path)).flatMap(clausesOf)
      return clauses.map(text => ({ path, text }))
    })
  )
  return lists.flat()
}

function judge(t: Test, clauses: readonly Clause[], leastClauses: number): void {
  t.ok(clauses.length > leastClauses, `${clauses.length} clauses were read`)
  const hidden = clauses.filter(({ text }) => HIDDEN_SUBJECT.test(text))
  const percent = (100 * hidden.length) / clauses.length
  t.ok(percent <= MAX_PERCENT, `${hidden.length} of ${clauses.length} clauses hide their subject`, {
    found: hidden.map(({ path, text }) => `${path}: ${text}`)
  })
}
