/**
 * The pages behind emailed links in a real browser: by keyboard, on a phone, opened twice, and when requests fail.
 *
 * Over 200 lines: one browser serves all pages, because it takes a second to start.
 */

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { openChromium, withoutChromium } from '../lib/chromium.ts'
import { call, mailedToken, newAddress, PASSWORD, register, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const API = '/api/v1'
const NEW_PASSWORD = 'Another-horse-8'
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

t.test('pages', { skip: withoutChromium, timeout: 120_000 }, async t => {
  const { url, mailbox, config } = await openTestOrigin(t, { PUBLIC_URL: 'http://gatehouse.localhost' })
  // The public URL leads to the origin of this test, so links and `Origin` are as in production. A browser trusts
  // `localhost` like TLS.
  const hosts = `MAP ${new URL(config.publicUrl).host} ${new URL(url).host}`
  const browser = await openChromium(t, `--host-resolver-rules=${hosts}`)
  const login = (email: string, password: string) =>
    call(url, 'POST', `${API}/auth/login`, { body: { email, password } })

  /** Registers a user, and returns the emailed link. */
  async function registered(): Promise<{ email: string; link: string }> {
    const email = newAddress()
    await call(url, 'POST', `${API}/auth/register`, { body: { email, password: PASSWORD, name: 'Ada' } })
    return { email, link: `${config.publicUrl}/verify-email#token=${await mailedToken(mailbox, email)}` }
  }

  /** The link with a token in the newest email. */
  const mailedLink = (email: string, page: string) =>
    until(`a link to ${page} is emailed to ${email}`, () =>
      mailbox
        .messages(email)
        .flatMap(({ links }) => links)
        .find(link => link.includes(`${page}#token=`))
    )

  async function resetLink(): Promise<{ email: string; link: string }> {
    const email = await register(url, mailbox)
    await call(url, 'POST', `${API}/auth/forgot-password`, { body: { email } })
    return { email, link: await mailedLink(email, '/reset-password') }
  }

  t.test('a verification link confirms at the press of a key, and not before', async t => {
    const { email, link } = await registered()
    const { page, complaints } = await open(t, browser, link)
    t.equal(new URL(page.url()).hash, '', 'the token has left the address bar')
    t.equal((await login(email, PASSWORD)).body.code, 'email-unverified', 'opening the link does nothing')

    await page.keyboard.press('Tab')
    t.equal(await focused(page), 'Confirm my address')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    t.equal(await focused(page), 'Your address is confirmed', 'the focus is where the news is')
    t.match(await page.getByRole('status').textContent(), /You can sign in now/)
    t.notOk(await page.getByRole('button').isVisible())
    t.equal((await login(email, PASSWORD)).status, 200)
    t.strictSame(complaints, [])
  })

  t.test('a link that is opened twice works once, and says so the second time', async t => {
    const { email, link } = await registered()
    const [first, second] = [await open(t, browser, link), await open(t, browser, link)]
    await first.page.getByRole('button', { name: 'Confirm my address' }).click()
    await first.page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()

    await second.page.getByRole('button', { name: 'Confirm my address' }).click()
    await second.page.getByRole('heading', { name: 'This link no longer works' }).waitFor()
    t.match(await second.page.getByRole('status').textContent(), /you can sign in/)
    t.ok(await second.page.getByLabel('Your email address').isVisible())
    t.equal((await login(email, PASSWORD)).status, 200)
  })

  t.test('an expired link is replaced from the page itself', async t => {
    const email = newAddress()
    await call(url, 'POST', `${API}/auth/register`, { body: { email, password: PASSWORD, name: 'Ada' } })
    const old = await mailedToken(mailbox, email)
    const { page, complaints } = await open(t, browser, `${config.publicUrl}/verify-email#token=expired`)
    await page.getByRole('button', { name: 'Confirm my address' }).click()
    await page.getByLabel('Your email address').fill('nonsense')
    await page.keyboard.press('Enter')
    await page.getByText('It must be a plain email address.').waitFor()
    t.equal(await page.getByLabel('Your email address').getAttribute('aria-invalid'), 'true')

    await page.getByLabel('Your email address').fill(email)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Please check your inbox' }).waitFor()
    const token = await until('the new link', async () => {
      const newest = await mailedToken(mailbox, email)
      return newest !== old && newest
    })
    await page.goto(`${config.publicUrl}/verify-email#token=${token}`)
    await page.getByRole('button', { name: 'Confirm my address' }).click()
    await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    t.strictSame(complaints, ['410', '422'], 'nothing but the refusals')
  })

  t.test('a page without a token says what to do', async t => {
    const { page } = await open(t, browser, `${config.publicUrl}/verify-email`)
    await page.getByRole('heading', { name: 'This link is incomplete' }).waitFor()
    t.ok(await page.getByRole('button', { name: 'Email me a new link' }).isVisible())
    t.notOk(await page.getByRole('button', { name: 'Confirm my address' }).isVisible())
  })

  t.test('if an email program lost the token, the code from the email or the pasted link works', async t => {
    for (const paste of [
      (link: string) => ` ${link.split('#token=')[1]}\n`,
      (link: string) => link,
      (link: string) => `<${link.replace('#token=', '%23token%3D')}>.`
    ]) {
      const { email, link } = await registered()
      const { page, complaints } = await open(t, browser, `${config.publicUrl}/verify-email`)
      const code = page.getByLabel('Code from the email')
      await code.fill('not a code')
      await page.getByRole('button', { name: 'Use this code' }).click()
      await page.getByText('This is not a code from one of our emails.').waitFor()
      t.equal(await code.getAttribute('aria-invalid'), 'true')
      t.equal(await focused(page), 'code', 'ready to mend it')

      await code.fill(paste(link))
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Confirm my address' }).click()
      await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
      t.equal((await login(email, PASSWORD)).status, 200)
      t.notOk(await code.isVisible())
      t.strictSame(complaints, [])
    }

    const { email, link } = await resetLink()
    const { page } = await open(t, browser, `${config.publicUrl}/reset-password`)
    await page.getByLabel('Code from the email').fill(link.split('#token=')[1] ?? '')
    await page.getByRole('button', { name: 'Use this code' }).click()
    await page.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your new password is set' }).waitFor()
    t.equal((await login(email, NEW_PASSWORD)).status, 200)
  })

  t.test('a link whose # was encoded on the way works, and its token leaves the address bar', async t => {
    for (const mark of ['%23token=', '%23token%3D', '%23token%3d']) {
      const { email, link } = await registered()
      const { page, complaints } = await open(t, browser, link.replace('#token=', mark))
      await page.getByRole('button', { name: 'Confirm my address' }).click()
      await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
      t.equal(page.url(), `${config.publicUrl}/verify-email`)
      t.equal((await login(email, PASSWORD)).status, 200, mark)
      t.strictSame(complaints, [])
    }
    const { email, link } = await resetLink()
    const { page } = await open(t, browser, link.replace('#', '%23'))
    t.equal(page.url(), `${config.publicUrl}/reset-password`)
    await page.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your new password is set' }).waitFor()
    t.equal((await login(email, NEW_PASSWORD)).status, 200)
  })

  t.test('a new link in the same tab starts the page again', async t => {
    const { email, link } = await registered()
    const { page } = await open(t, browser, `${config.publicUrl}/verify-email`)
    await page.getByRole('heading', { name: 'This link is incomplete' }).waitFor()
    await page.goto(link)
    await page.getByRole('button', { name: 'Confirm my address' }).click()
    await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    t.equal((await login(email, PASSWORD)).status, 200)
  })

  t.test('a reset link sets a password on a phone, and explains why one is refused', async t => {
    const { email, link } = await resetLink()
    const { page, complaints } = await open(t, browser, link, PHONE)
    t.equal(new URL(page.url()).hash, '')
    const password = page.getByLabel('New password', { exact: true })
    t.match(await page.locator('#rules').textContent(), 'At least 8 characters, with an upper-case letter')
    await password.fill('horse')
    await page.getByRole('button', { name: 'Set my new password' }).tap()
    const alert = page.getByRole('alert')
    await page.getByText('It must contain a digit').waitFor()
    t.match(await alert.textContent(), /^It must have at least 8 characters\. It must contain an upper-case letter\./)
    t.equal(await password.getAttribute('aria-invalid'), 'true')
    t.equal(await focused(page), 'password', 'ready to mend it')

    await password.fill(NEW_PASSWORD)
    await page.getByRole('button', { name: 'Set my new password' }).tap()
    await page.getByRole('heading', { name: 'Your new password is set' }).waitFor()
    t.equal(await focused(page), 'Your new password is set')
    t.equal((await login(email, NEW_PASSWORD)).status, 200)
    t.equal((await login(email, PASSWORD)).status, 401)
    t.strictSame(complaints, ['422'])
  })

  t.test('a password can be shown and hidden, by key and by name', async t => {
    const { link } = await resetLink()
    const { page } = await open(t, browser, link)
    const password = page.getByLabel('New password', { exact: true })
    const toggle = page.getByRole('button', { name: 'Show password' })
    await password.fill(NEW_PASSWORD)
    t.equal(await password.getAttribute('type'), 'password')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    t.equal(await password.getAttribute('type'), 'text')
    t.equal(await toggle.getAttribute('aria-pressed'), 'true')
    await page.keyboard.press('Space')
    t.equal(await password.getAttribute('type'), 'password')
    t.equal(await toggle.getAttribute('aria-pressed'), 'false')
    t.equal(await password.getAttribute('autocomplete'), 'new-password')
  })

  t.test('the page for a new password asks for the address if there is no link, and emails one', async t => {
    const email = await register(url, mailbox)
    const { page } = await open(t, browser, `${config.publicUrl}/reset-password`)
    await page.getByLabel('Your email address').fill(email)
    await page.getByRole('button', { name: 'Email me a new link' }).click()
    await page.getByRole('heading', { name: 'Please check your inbox' }).waitFor()
    await page.goto(await mailedLink(email, '/reset-password'))
    await page.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your new password is set' }).waitFor()
    t.equal((await login(email, NEW_PASSWORD)).status, 200)
  })

  t.test('a change of address is cancelled by its link, or by the code pasted from the email', async t => {
    for (const isPasted of [false, true]) {
      const ada = await signUp(url, mailbox)
      const next = newAddress()
      const body = { email: next, password: PASSWORD }
      await call(url, 'POST', `${API}/users/me/email`, { token: ada.accessToken, body })
      const link = await mailedLink(ada.email, '/cancel-email-change')
      const { page, complaints } = await open(t, browser, isPasted ? link.replace(/#.*/, '') : link)
      t.equal(new URL(page.url()).hash, '')
      const code = page.getByLabel('Code from the email')
      t.equal(await code.isVisible(), isPasted)
      if (isPasted) {
        await code.fill(` ${link.split('#token=')[1]} `)
        await page.getByRole('button', { name: 'Use this code' }).click()
      }
      await page.getByRole('button', { name: 'Cancel the change' }).click()
      await page.getByRole('heading', { name: 'The change is cancelled' }).waitFor()
      t.ok(await page.getByRole('link', { name: 'choose a new one' }).isVisible())
      const changing = await call(url, 'POST', `${API}/auth/verify-email/${await mailedToken(mailbox, next)}`)
      t.equal(changing.status, 410)

      await page.goto(link)
      await page.getByRole('button', { name: 'Cancel the change' }).click()
      await page.getByRole('heading', { name: 'This link no longer works' }).waitFor()
      t.strictSame(complaints, ['410'])
    }
  })

  t.test('if the service cannot be reached the page says so, and the link stays valid', async t => {
    const { email, link } = await registered()
    const { page } = await open(t, browser, link)
    await page.route('**/api/**', route => route.abort())
    const button = page.getByRole('button', { name: 'Confirm my address' })
    await button.click()
    await page.getByText('The server could not be reached.').waitFor()
    t.equal(await focused(page), 'Confirm my address', 'ready to try again')
    await page.unroute('**/api/**')
    await button.click()
    await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    t.equal((await login(email, PASSWORD)).status, 200)
  })

  t.test('a button that is pressed many times sends one request', async t => {
    const { link } = await registered()
    const { page } = await open(t, browser, link)
    const asked: string[] = []
    page.on('request', request => request.method() === 'POST' && asked.push(request.url()))
    await page.evaluate(() => {
      const button = document.querySelector('button')
      for (let i = 0; i < 5; i++) button?.click()
    })
    await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    t.equal(asked.length, 1)
  })

  t.test('pages load nothing from other hosts and fit every screen, in light and dark mode', async t => {
    const cancelling = ['/cancel-email-change#token=x', '/cancel-email-change']
    const paths = [
      '/verify-email#token=x',
      '/verify-email',
      '/reset-password#token=x',
      '/reset-password',
      ...cancelling
    ]
    for (const path of paths) {
      const { page, requested, complaints } = await open(t, browser, config.publicUrl + path)
      for (const width of [320, 390, 1280]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 800 })
          await page.emulateMedia({ colorScheme })
          const label = `${path} ${width} ${colorScheme}`
          t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${label} fits`)
          t.ok((await lowestContrast(page)) >= 4.5, `${label} is readable (WCAG 1.4.3)`)
        }
      }
      t.strictSame(requested, [config.publicUrl + path.replace(/#.*/, '')], path)
      t.strictSame(complaints, [], path)
    }
  })

  t.test('without JavaScript the page says that it needs it', async t => {
    for (const path of ['/verify-email', '/reset-password', '/cancel-email-change']) {
      const { page } = await open(t, browser, config.publicUrl + path, { javaScriptEnabled: false })
      t.ok(await page.locator('noscript').isVisible(), path)
      t.equal(await page.getByRole('button').count(), 0, 'and offers no button that does nothing')
    }
  })
})

/** Opens a page in a profile of its own; `complaints` are failures in the console, refused answers by their status. */
async function open(
  t: { teardown(work: () => unknown): void },
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {}
): Promise<{ page: Page; requested: string[]; complaints: string[] }> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const requested: string[] = []
  const complaints: string[] = []
  page.on('request', request => requested.push(request.url().replace(/#.*/, '')))
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    const status = /status of (\d{3})/.exec(message.text())?.[1]
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(status ?? message.text())
  })
  await page.goto(address)
  return { page, requested, complaints }
}

/** The focused element: its text, or the name of a field. */
function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement
    return element instanceof HTMLInputElement ? element.name : (element?.textContent ?? undefined)
  })
}

/** The lowest contrast between a visible text and its background (WCAG 2.2, relative luminance). */
function lowestContrast(page: Page): Promise<number> {
  return page.evaluate(() => {
    const parse = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number)
    const luminance = ([r = 0, g = 0, b = 0]: number[]) => {
      const [x = 0, y = 0, z = 0] = [r, g, b].map(v => (v <= 10.314 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4))
      return 0.2126 * x + 0.7152 * y + 0.0722 * z
    }
    const behind = (element: Element | null): number[] => {
      if (element === null) return [255, 255, 255]
      const color = parse(getComputedStyle(element).backgroundColor)
      return color.length === 4 && color[3] === 0 ? behind(element.parentElement) : color
    }
    const shown = [...document.querySelectorAll('h1, p, label, button, input, a')].filter(
      one => one.checkVisibility() && (one.textContent || one instanceof HTMLInputElement)
    )
    const contrasts = shown.map(element => {
      const pair = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a)
      return ((pair[0] ?? 0) + 0.05) / ((pair[1] ?? 0) + 0.05)
    })
    return Math.min(...contrasts)
  })
}
