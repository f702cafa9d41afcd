/** Cloudflare Turnstile's check of a captcha token, distrustful and with a deadline. When to ask is `login-guard.ts`. */

import { createHash } from 'node:crypto'

/** `unavailable` is neither a pass nor the client's fault; its reason is for the log. */
export type CaptchaAnswer =
  | { readonly outcome: 'solved' | 'unsolved' }
  | { readonly outcome: 'unavailable'; readonly reason: string }

/** A service that tells people from programs. */
export interface Captcha {
  /** Public: the client shows the challenge with it. */
  readonly siteKey: string
  /** Checks a token, at most once. Never rejects. */
  verify(token: string, clientAddress: string): Promise<CaptchaAnswer>
}

export interface TurnstileOptions {
  readonly siteKey: string
  readonly secret: string
  /** Where tokens are checked; another one only in tests. */
  readonly url?: string
  /** For the whole exchange, from the first byte sent to the last one read. */
  readonly deadlineMs?: number
  /** Tokens whose use is remembered; beyond it the oldest is forgotten, and Turnstile alone refuses its second use. */
  readonly maxRememberedTokens?: number
}

/** Turnstile's endpoint. */
export const SITEVERIFY_URL = 'https://challenges.cloudflare.com/turnstile/v0/siteverify'

const DEADLINE_MS = 3_000
const MAX_REMEMBERED_TOKENS = 10_000
/** The longest token that Turnstile issues. */
const MAX_TOKEN_CHARACTERS = 2_048
/** An answer has some hundred bytes. */
const MAX_ANSWER_BYTES = 16_384

/** `success: false` for a reason that no client can mend: our secret is wrong, or Turnstile itself has failed. */
const NOT_THE_CLIENT = new Set(['missing-input-secret', 'invalid-input-secret', 'bad-request', 'internal-error'])

/**
 * Creates a client of Turnstile.
 *
 * `action` and `hostname` of the answer are not looked at: the secret belongs to one widget, whose allowed host names
 * are set at Cloudflare, and signing in is all that it is used for.
 */
export function createTurnstile(options: TurnstileOptions): Captcha {
  const { siteKey, secret, url = SITEVERIFY_URL, deadlineMs = DEADLINE_MS } = options
  const isFirstUse = createUseMemory(options.maxRememberedTokens ?? MAX_REMEMBERED_TOKENS)
  return {
    siteKey,
    async verify(token, clientAddress) {
      if (token === '' || token.length > MAX_TOKEN_CHARACTERS || !isFirstUse(token)) return { outcome: 'unsolved' }
      const form = new URLSearchParams({ secret, response: token, remoteip: clientAddress })
      try {
        return await ask(url, form, deadlineMs)
      } catch (error) {
        return unavailable(`the request failed: ${error instanceof Error ? error.name : typeof error}`)
      }
    }
  }
}

/** Turnstile takes each token once; here it is not even sent twice, however many attempts bring it at the same time. */
function createUseMemory(maxTokens: number): (token: string) => boolean {
  const used = new Set<string>()
  return token => {
    const digest = createHash('sha256').update(token).digest('base64')
    if (used.has(digest)) return false
    used.add(digest)
    if (used.size > maxTokens) used.delete(used.values().next().value ?? digest)
    return true
  }
}

async function ask(url: string, form: URLSearchParams, deadlineMs: number): Promise<CaptchaAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body: form,
    headers: { accept: 'application/json' },
    // Security: a redirect could carry the secret anywhere.
    redirect: 'error',
    signal: AbortSignal.timeout(deadlineMs)
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    return unavailable(`the answer has the status ${response.status}`)
  }
  const text = await readAtMost(response, MAX_ANSWER_BYTES)
  return text === undefined ? unavailable(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`) : parseAnswer(text)
}

async function readAtMost(response: Response, maxBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop cancels the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Only the boolean `true` is a pass, and only the boolean `false` says that the client has not solved it. */
function parseAnswer(text: string): CaptchaAnswer {
  const answer = parseObject(text)
  if (answer?.success === true) return { outcome: 'solved' }
  if (answer?.success !== false) return unavailable('the answer is no JSON object with a boolean "success"')

  const codes: unknown = answer['error-codes']
  const ours = Array.isArray(codes) ? codes.find(code => NOT_THE_CLIENT.has(code)) : undefined
  return ours === undefined ? { outcome: 'unsolved' } : unavailable(`the check itself was refused: "${ours}"`)
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function unavailable(reason: string): CaptchaAnswer {
  return { outcome: 'unavailable', reason: `Turnstile could not check a token: ${reason}` }
}
