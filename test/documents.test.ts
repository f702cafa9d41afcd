/**
 * The documents refer to nothing that is missing: files, links, the tests behind each promise, the sections of each
 * decision.
 */

import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ROOT, readSource } from './lib/source-files.ts'

const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'DECISIONS.md',
  'CHANGELOG.md',
  'edge/README.md',
  'bench/README.md'
]

const exists = (path: string) =>
  access(join(ROOT, path)).then(
    () => true,
    () => false
  )

t.test('every promise of SECURITY.md names tests that exist', async t => {
  const promised = sectionOf(await readSource('SECURITY.md'), 'What is promised')
  const promises = promised.split(/^(?=- \*\*)/m).slice(1)
  t.ok(promises.length > 20, `${promises.length} promises were read`)
  for (const promise of promises) {
    const name = promise.slice(0, 60).replace(/\n[\s\S]*/, '')
    const tests = [...(promise.split('Shown by ')[1] ?? '').matchAll(/`(test\/[^`]+)`/g)].map(match => match[1] ?? '')
    t.ok(tests.length > 0, `${name} names a test`)
    for (const path of tests) t.ok(await exists(path), `${path} exists`)
  }
})

t.test('every relative link of a document leads to a file, and to a heading of it', async t => {
  for (const document of DOCUMENTS) {
    const links = [...withoutCode(await readSource(document)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
    for (const link of links.map(match => match[1] ?? '')) {
      const [path = '', heading] = link.split('#')
      const target = path === '' ? document : join(dirname(document), path)
      if (!(await exists(target))) t.fail(`${document} links to ${link}, which is missing`)
      else if (heading !== undefined) {
        t.ok(anchorsOf(await readSource(target)).includes(heading), `${document} links to the heading ${link}`)
      }
    }
  }
})

t.test('every source that a document names exists', async t => {
  for (const document of DOCUMENTS) {
    const text = await readSource(document)
    const named = [...text.matchAll(/`((?:edge|server|db|local|bench|test|fastify)\/[\w./-]+\.(?:ts|jsonc))`/g)]
    for (const path of named.map(match => match[1] ?? '')) t.ok(await exists(path), `${document} names ${path}`)
  }
  // A document in a folder names files from there, too.
  for (const document of ['edge/README.md', 'bench/README.md']) {
    const named = [...(await readSource(document)).matchAll(/`([\w-]+\/[\w./-]+\.(?:ts|py|mjs))`/g)]
    for (const path of named.map(match => match[1] ?? '')) {
      const isThere = (await exists(path)) || (await exists(join(dirname(document), path)))
      t.ok(isThere, `${document} names ${path}`)
    }
  }
})

t.test('every decision has a date, a status and a line in the index', async t => {
  const text = await readSource('DECISIONS.md')
  const [index = '', ...decisions] = text.split(/^(?=## \d+\. )/m)
  t.ok(decisions.length > 50, `${decisions.length} decisions were read`)
  for (const [i, decision] of decisions.entries()) {
    const [, number, title = ''] = /^## (\d+)\. (.*)$/m.exec(decision) ?? []
    t.equal(Number(number), i + 1, `decision ${i + 1} has its number`)
    t.match(decision, /^\d{4}-\d\d-\d\d · (accepted|amended by \d+|replaced by \d+)/m, `${title}: date and status`)
    t.ok(index.includes(`[${title.replace(/`/g, '')}](#`), `${title}: in the index`)
    for (const part of ['Context', 'Decision', 'Consequence']) t.match(decision, `**${part}.**`, `${title}: ${part}`)
  }
})

function sectionOf(document: string, heading: string): string {
  return document.split(`\n## ${heading}\n`)[1]?.split(/^## /m)[0] ?? ''
}

function withoutCode(document: string): string {
  return document.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(document: string): string[] {
  return [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
  )
}
