/**
 * The minimal server with the same answer: `node:http`, the bare signature check, and a Map from known tokens to answers
 * that is cleared when it is full. It has no claim checks, routes, limits, revocation or log.
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TokenMaterial } from '../lib/tokens.ts'
import { createBareDer } from './bare-node.ts'

const MAX_REMEMBERED = 10_000

/** Opens the server and returns its URL. It ends with its process. */
export async function openBareServer(material: TokenMaterial): Promise<string> {
  const verify = await createBareDer(material)
  const answers = new Map<string, string>()

  const answerTo = (token: string) => {
    const known = answers.get(token)
    if (known !== undefined) return known
    if (!verify(token)) return undefined
    if (answers.size >= MAX_REMEMBERED) answers.clear()
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    const answer = `{"active":true,"claims":${claims}}`
    answers.set(token, answer)
    return answer
  }
  const server = createServer((request, response) => {
    const answer = answerTo((request.headers.authorization ?? '').slice('Bearer '.length))
    response.statusCode = answer === undefined ? 401 : 200
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.end(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
