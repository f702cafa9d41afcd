/** Verifies captcha tokens with Cloudflare Turnstile. `login-guard.ts` decides when a captcha is required. */

import { createHash } from 'node:crypto'
import { createBoundedMap } from '../../edge/contract/bounded-map.ts'

/** The result of a check. `unavailable` is neither a pass nor the client's fault, and its reason is for the log. */
export type CaptchaAnswer =
  | { readonly outcome: 'solved' | 'unsolved' }
  | { readonly outcome: 'unavailable'; readonly reason: string }

/** A service that tells humans from programs. */
export interface Captcha {
  /** Public: the client needs it to show the challenge. */
  readonly siteKey: string
  /** Checks a token, at most once. Never rejects. */
  verify(token: string, clientAddress: string): Promise<CaptchaAnswer>
}

/** The account at Turnstile, and how to reach it. */
export interface TurnstileOptions {
  readonly siteKey: string
  readonly secret: string
  /** The endpoint that checks tokens; `SITEVERIFY_URL` except in tests. */
  readonly url?: string
  /** Bounds the whole exchange, from the first byte sent to the last byte read. */
  readonly deadlineMs?: number
  /**
   * Used tokens to remember; the newest half of them is always remembered. Turnstile alone refuses the second use of a
   * token that was forgotten.
   */
  readonly maxRememberedTokens?: number
}

/** Turnstile's endpoint: https://developers.cloudflare.com/turnstile/get-started/server-side-validation/ */
export const SITEVERIFY_URL = 'https://challenges.cloudflare.com/turnstile/v0/siteverify'

const DEADLINE_MS = 3_000
const MAX_REMEMBERED_TOKENS = 20_000
/** The longest token that Turnstile issues. */
const MAX_TOKEN_CHARACTERS = 2_048
/** Far above a genuine answer, which has a few hundred bytes. */
const MAX_ANSWER_BYTES = 16_384

/** Error codes that no client can mend: our secret is wrong, or Turnstile itself has failed. */
const SERVICE_ERRORS = new Set(['missing-input-secret', 'invalid-input-secret', 'bad-request', 'internal-error'])

/**
 * Creates a client of Turnstile.
 *
 * It ignores `action` and `hostname` of the answer. The secret belongs to one widget, which serves only
 * sign-ins. Its allowed host names are set at Cloudflare.
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

/** Turnstile accepts each token once. This memory keeps a token from being sent twice, even by attempts at the same time. */
function createUseMemory(maxTokens: number): (token: string) => boolean {
  const used = createBoundedMap<string, true>(maxTokens)
  return token => {
    const digest = createHash('sha256').update(token).digest('base64')
    if (used.peek(digest)) return false
    used.set(digest, true)
    return true
  }
}

async function ask(url: string, form: URLSearchParams, deadlineMs: number): Promise<CaptchaAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body: form,
    headers: { accept: 'application/json' },
    // Security: a redirect could send the secret to another host.
    redirect: 'error',
    signal: AbortSignal.timeout(deadlineMs)
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    return unavailable(`expected the status 200, found ${response.status}`)
  }
  const text = await readAtMost(response, MAX_ANSWER_BYTES)
  return text === undefined ? unavailable(`expected at most ${MAX_ANSWER_BYTES} bytes, found more`) : parseAnswer(text)
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

/** Only the boolean `true` means solved, and only the boolean `false` means unsolved. */
function parseAnswer(text: string): CaptchaAnswer {
  const answer = parseObject(text)
  if (answer?.success === true) return { outcome: 'solved' }
  if (answer?.success !== false) return unavailable('expected a JSON object with a boolean "success"')

  const codes: unknown = answer['error-codes']
  const serviceError = Array.isArray(codes) ? codes.find(code => SERVICE_ERRORS.has(code)) : undefined
  return serviceError === undefined ? { outcome: 'unsolved' } : unavailable(`the service reported "${serviceError}"`)
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
