/**
 * The whole journey through Swagger UI in a real browser. The user fills in only what no example can
 * contain: the emailed tokens and the access token. A step takes one to two seconds, so no step is repeated.
 */

import type { Page } from 'playwright-core'
import t from 'tap'
import { openChromium, withoutChromium } from '../lib/chromium.ts'
import { openTestStack } from '../lib/test-stack.ts'
import { until } from '../lib/until.ts'

/** The address in the examples. */
const EMAIL = 'ada@example.com'

t.setTimeout(300_000)
t.test('Swagger UI', { skip: withoutChromium }, async t => {
  const stack = await openTestStack(t)
  const browser = await openChromium(t)
  const page = await browser.newPage()
  page.setDefaultTimeout(60_000)
  await page.goto(stack.docs)
  await page.locator('.opblock').first().waitFor()

  /** The token of the newest link to `path` that was emailed to the example user. */
  const mailed = (path: string) =>
    until(`a link to ${path} is emailed`, async () => {
      const links = (await stack.messages(EMAIL)).flatMap(message => message.links)
      return links.find(link => link.includes(`${path}#token=`))?.split('#token=')[1]
    })

  t.test('the journey passes with unchanged fields', async t => {
    const untouched = async (operationId: string, status: number) => {
      const answer = await execute(page, operationId)
      t.equal(answer.status, status, `${operationId}: ${answer.body}`)
      return answer.body === '' ? undefined : JSON.parse(answer.body)
    }
    await untouched('register', 202)
    await fillPath(page, 'verifyEmail', await mailed('/verify-email'))
    await untouched('verifyEmail', 200)
    const { user, accessToken } = await untouched('login', 200)
    t.match(user, { email: EMAIL, emailVerified: true })
    await authorize(page, accessToken)
    t.match(await untouched('readProfile', 200), { email: EMAIL })
    t.match(await untouched('listSessions', 200), { sessions: [{ current: true }] })
    t.match(await untouched('refresh', 200), { accessToken: /^ey/, refreshToken: undefined })
    t.match(await untouched('changeProfile', 200), { name: 'Ada Lovelace' })
    await untouched('changeEmail', 202)
    await untouched('changePassword', 204)
    await untouched('logout', 200)
    t.match(await untouched('readProfile', 401), { code: 'session-ended' })

    await untouched('forgotPassword', 202)
    await replaceInBody(page, 'resetPassword', 'paste-the-token-from-the-mailed-link', await mailed('/reset-password'))
    await untouched('resetPassword', 200)
    await untouched('login', 200)
  })

  t.test('an operation on an id or a token is not sent without one', async t => {
    const sent: string[] = []
    page.on('request', request => request.url().includes('/api/') && sent.push(request.url()))
    for (const operationId of ['endSession', 'changeUser', 'endSessionsOfUser', 'verifyEmail']) {
      const operation = await open(page, operationId)
      for (const field of await operation.locator('.parameters tr[data-param-in=path] input').all())
        await field.fill('')
      await operation.locator('.execute').click()
      await operation.locator('.parameters input.invalid').first().waitFor()
    }
    t.strictSame(sent, [])
  })
})

/** Opens an operation's form. */
async function open(page: Page, operationId: string) {
  const operation = page.locator(`.opblock[id$="-${operationId}"]`)
  if (!(await operation.locator('.opblock-body').isVisible()))
    await operation.locator('.opblock-summary-control').click()
  await operation.locator('.execute').waitFor()
  return operation
}

/** Presses Execute and returns the answer, as the page shows it. */
async function execute(page: Page, operationId: string): Promise<{ status: number; body: string }> {
  const operation = await open(page, operationId)
  const answer = operation.locator('.live-responses-table')
  if (await answer.isVisible()) await operation.locator('.btn-clear').click()
  await operation.locator('.execute').click()
  await answer.waitFor()
  const status = Number(await answer.locator('tbody .response-col_status').first().textContent())
  const shown = answer.locator('.highlight-code code').first()
  const body = (await shown.isVisible()) ? ((await shown.textContent()) ?? '') : ''
  // An open form costs every later step a second.
  await operation.locator('.opblock-summary-control').click()
  return { status, body }
}

async function fillPath(page: Page, operationId: string, value: string): Promise<void> {
  await (await open(page, operationId)).locator('.parameters tr[data-param-in=path] input').fill(value)
}

async function replaceInBody(page: Page, operationId: string, placeholder: string, value: string): Promise<void> {
  const field = (await open(page, operationId)).locator('textarea.body-param__text')
  await field.fill((await field.inputValue()).replace(placeholder, value))
}

/** Pastes an access token into the dialog of the page. */
async function authorize(page: Page, accessToken: string): Promise<void> {
  await page.locator('.auth-wrapper .authorize').first().click()
  const dialog = page.locator('.dialog-ux')
  await dialog.locator('input').fill(accessToken)
  await dialog.locator('button.authorize').click()
  await dialog.locator('.btn-done').click()
}
