/**
 * The least that answers the same: `node:http`, the bare signature check, and a Map from each token seen to its answer,
 * which is emptied when it is full. No claim is checked, no route matched, nothing limited, revoked or logged.
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TokenMaterial } from '../lib/tokens.ts'
import { createBareDer } from './bare-node.ts'

const MAX_REMEMBERED = 10_000

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
