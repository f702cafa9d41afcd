/** Keeps the newest emails in memory, and optionally in a file. Parsing is left to `mail.ts`. */

import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Mail } from './mail.ts'

/** How many emails are kept; older ones are dropped. */
export const maxMails = 500

/** The emails of a mailbox. */
export interface MailStore {
  add(mail: Mail): Promise<void>
  /** Newest first; with `to`, only emails to that recipient, ignoring case. */
  list(to?: string): Mail[]
  clear(): Promise<void>
  /** Changes whenever an email arrives or the store is cleared. */
  version(): string
  /** Resolves when everything is written. */
  close(): Promise<void>
}

/** Opens a store. With `dataFile` it begins with the emails in that file. */
export async function openMailStore(dataFile?: string): Promise<MailStore> {
  let mails = dataFile ? await readMails(dataFile) : []
  let [changes, written] = [0, Promise.resolve()]
  const start = randomUUID()
  if (dataFile) await rewrite(dataFile, mails)

  // One write at a time, in order. The caller reports a failed write; later writes still run.
  const write = (task: (file: string) => Promise<void>): Promise<void> => {
    if (!dataFile) return written
    const writing = written.then(() => task(dataFile))
    written = writing.catch(() => {})
    return writing
  }
  const replace = (next: Mail[]) => {
    mails = next.slice(0, maxMails)
    changes += 1
  }

  return {
    add: async mail => {
      replace([mail, ...mails])
      await write(file => appendFile(file, toLine(mail)))
    },
    list: to => (to === undefined ? mails : mails.filter(mail => isFor(mail, to))),
    clear: async () => {
      replace([])
      await write(file => rewrite(file, []))
    },
    version: () => `${start}.${changes}`,
    close: () => written
  }
}

function isFor({ recipients }: Mail, to: string): boolean {
  const wanted = to.trim().toLowerCase()
  return recipients.some(recipient => recipient.toLowerCase() === wanted)
}

/** Reads the file, which is oldest first; returns newest first. */
async function readMails(dataFile: string): Promise<Mail[]> {
  const text = await readFile(dataFile, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.split('\n').flatMap(parseLine).slice(-maxMails).reverse()
}

/** Parses a line; skips one that a killed process left unfinished. */
function parseLine(line: string): Mail[] {
  try {
    return [JSON.parse(line) as Mail]
  } catch {
    return []
  }
}

async function rewrite(dataFile: string, mails: readonly Mail[]): Promise<void> {
  await mkdir(dirname(dataFile), { recursive: true })
  await writeFile(`${dataFile}.new`, mails.toReversed().map(toLine).join(''), { mode: 0o600 })
  await rename(`${dataFile}.new`, dataFile)
}

const toLine = (mail: Mail) => `${JSON.stringify(mail)}\n`
