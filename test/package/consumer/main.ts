/** A consumer's program: prints the users of the tokens on its command line. Runs unchanged in Node, Bun and Deno. */

import process from 'node:process'
import { openVerifier, subjectOf } from './verify.ts'

const [issuer = '', jwk = '', ...tokens] = process.argv.slice(2)
const verifier = openVerifier(issuer, JSON.parse(jwk))
const subjects: string[] = []
for (const token of tokens) subjects.push(await subjectOf(verifier, token))
process.stdout.write(JSON.stringify(subjects))
