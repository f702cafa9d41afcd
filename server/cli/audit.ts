/** Verifies the audit log from the command line. The rule is `verify-chain.ts`. */

import { openDatabase } from '../../db/client.ts'
import { type ChainFault, type ChainReport, verifyChain } from '../audit/verify-chain.ts'
import { DATABASE_URL_FORM, parseDatabaseUrl } from '../database-url.ts'
import { createSettingsReader } from '../lib/settings/settings-reader.ts'
import { type Command, UsageError } from './command.ts'

const EXPLANATIONS: Readonly<Record<ChainFault, string>> = {
  altered: 'the event or its hash was altered',
  'event-missing': 'the event of this link was removed',
  'link-missing': 'this link was removed',
  'event-unlinked': 'the event has no link: its link was removed, or the event was inserted later',
  unexpected: 'the expected link is missing: the end of the chain was cut off, or the chain was built anew'
}

/** `gatehouse audit verify [--expect POSITION:HASH]` */
export const verifyAudit: Command = {
  usage: 'audit verify [--expect POSITION:HASH]',
  summary: 'Check the audit log against its hash chain, and against a link from the log',
  async run(args, env, terminal) {
    const expected = parseExpected(args)
    const read = createSettingsReader(env)
    const url = read.required('DATABASE_URL', DATABASE_URL_FORM, parseDatabaseUrl)
    read.throwIfWrong()
    const database = openDatabase({ url, maxConnections: 1, deadlineMs: 30_000, prepares: false })
    try {
      const report = await verifyChain({ database, nowMs: () => Date.now(), ...(expected ? { expected } : {}) })
      for (const line of linesOf(report)) terminal[report.intact ? 'out' : 'err'](line)
      return report.intact ? 0 : 1
    } finally {
      await database.close()
    }
  }
}

function parseExpected(args: readonly string[]): { position: number; hash: Uint8Array } | undefined {
  if (args.length === 0) return undefined
  const [, position, hash] = /^--expect[ =](\d{1,15}):([0-9a-f]{64})$/.exec(args.join(' ')) ?? []
  if (position !== undefined && hash !== undefined)
    return { position: Number(position), hash: Buffer.from(hash, 'hex') }
  throw new UsageError(
    'Usage: gatehouse audit verify [--expect POSITION:HASH], with the values of an "audit chain anchor" line in the log'
  )
}

function linesOf(report: ChainReport): string[] {
  if (!report.intact) {
    const position = report.position === undefined ? '' : ` at position ${report.position}`
    const event = report.eventId === undefined ? '' : `, event ${report.eventId}`
    return [
      `The audit log was tampered with${position}${event}: ${EXPLANATIONS[report.fault]}.`,
      'Keep a copy of the database in its current state, and compare it with an earlier backup.'
    ]
  }
  const { checked, anchor, newest, waiting } = report
  return [
    `The audit log is intact: ${checked} events checked, ${waiting} not linked yet.`,
    ...(anchor > 0 ? [`The events up to position ${anchor} were purged when their retention ended.`] : []),
    ...(newest
      ? [
          `Newest link: ${newest.position}:${newest.hash}`,
          'Keep this value in another place: with --expect it shows later that no event was cut off.'
        ]
      : [])
  ]
}
