/** The page of a verification link. A button posts the token: opening the link alone does not use it up. */

import { type Page, renderPage } from './page.ts'
import { CODE_FORM, LIVE_REGIONS, NEW_LINK_FORM, sharedScript } from './script.ts'

const BODY = `<p id="intro" hidden>Press the button to confirm that this email address is yours.</p>
<p><button type="button" id="confirm" hidden>Confirm my address</button></p>
${LIVE_REGIONS}
${CODE_FORM}
${NEW_LINK_FORM}
<noscript><p>This page needs JavaScript to confirm your address.</p></noscript>`

const SCRIPT = `
const intro = find('#intro')
const button = find('#confirm')
let token = ''

function begin(found) {
  token = found
  if (token !== '') return ready()
  offerCode()
  expired('This link is incomplete', 'Please open the link in our email again, paste the code from that email, or request a new link.')
}

function ready() {
  heading.textContent = document.title = 'Confirm your address'
  intro.hidden = button.hidden = false
  find('#again').hidden = find('#paste').hidden = true
  showStatus('')
}

function expired(title, text) {
  intro.hidden = button.hidden = true
  offerNewLink(title, text)
}

button.addEventListener('click', async () => {
  const answer = await post(button, '/auth/verify-email/' + encodeURIComponent(token))
  if (answer === undefined) return
  if (answer.status === 200) {
    intro.hidden = button.hidden = true
    return finish('Your address is confirmed', sentence(answer.message) + ' You can close this page.')
  }
  if (answer.status === 410) {
    return expired('This link no longer works', 'It has expired, or it was already used. If you have used it, your address is confirmed and you can sign in. Otherwise request a new link.')
  }
  showProblem(answer)
})

listenForNewLink('/auth/resend-verification')
listenForCode(begin)
// The same link opened again in this tab changes only the fragment.
addEventListener('hashchange', () => location.hash !== '' && begin(takeToken()))
begin(takeToken())
`

/** Builds the page. */
export function verifyEmailPage(apiPrefix: string): Page {
  return renderPage({ title: 'Confirm your address', body: BODY, script: sharedScript(apiPrefix) + SCRIPT })
}
