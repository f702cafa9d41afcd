/** Pages for people: what a mailed link opens, and what a problem's `type` leads to. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { isProblemCode, PROBLEMS } from '../../../edge/contract/problems.ts'
import { ProblemError } from '../../lib/problem-error.ts'
import { type Page, renderPage } from './page.ts'

/** Posts the token from the fragment when the button is pressed; the answer is read out by screen readers. */
const verifyEmailScript = (apiPrefix: string) => `
const button = document.querySelector('button')
const status = document.querySelector('[role=status]')
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
button.addEventListener('click', async () => {
  button.disabled = true
  status.textContent = 'One moment …'
  try {
    const response = await fetch('${apiPrefix}/auth/verify-email/' + encodeURIComponent(token), { method: 'POST' })
    const answer = await response.json()
    status.textContent = response.ok ? answer.message + '.' : answer.title + '.'
    if (response.status === 410) status.textContent += ' Registering again mails you a new link.'
    button.hidden = response.ok || response.status === 410
    history.replaceState(null, '', location.pathname)
  } catch {
    status.textContent = 'We could not be reached. Please try again.'
  }
  button.disabled = false
})
`

export const pageRoutes: FastifyPluginAsyncTypebox<{ apiPrefix: string }> = async (app, { apiPrefix }) => {
  const verifyEmail = renderPage({
    title: 'Confirm your address',
    body:
      '<p>Press the button to confirm that this address is yours.</p>\n' +
      '<p><button type="button">Confirm my address</button></p>\n<p role="status" aria-live="polite"></p>\n' +
      '<noscript><p>This page needs JavaScript to confirm your address.</p></noscript>',
    script: verifyEmailScript(apiPrefix)
  })

  app.get('/verify-email', { schema: { hide: true } }, async (_request, reply) => send(reply, verifyEmail))

  app.get(
    '/problems/:code',
    { schema: { hide: true, params: Type.Object({ code: Type.String({ maxLength: 64 }) }) } },
    async (request, reply) => {
      const { code } = request.params
      if (!isProblemCode(code)) throw new ProblemError('not-found')
      const { status, title } = PROBLEMS[code]
      return send(reply, renderPage({ title, body: `<p>Problem <code>${code}</code>, HTTP status ${status}.</p>` }))
    }
  )
}

function send(reply: FastifyReply, page: Page): FastifyReply {
  return reply
    .header('content-security-policy', page.contentSecurityPolicy)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page.html)
}
