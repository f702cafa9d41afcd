/** The page behind a verification link: a button posts the token, so that opening the link uses nothing up. */

import { type Page, renderPage } from './page.ts'
import { CODE_FORM, NEW_LINK_FORM, sharedScript, VOICES } from './script.ts'

const BODY = `<p id="intro" hidden>Press the button to confirm that this mail address is yours.</p>
<p><button type="button" id="confirm" hidden>Confirm my address</button></p>
${VOICES}
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
  expired('There is no link here', 'Please open the link in your mail once more, paste the code from it, or ask for a new one.')
}

function ready() {
  heading.textContent = document.title = 'Confirm your address'
  intro.hidden = button.hidden = false
  find('#again').hidden = find('#paste').hidden = true
  tell('')
}

function expired(title, text) {
  intro.hidden = button.hidden = true
  offerNewLink(title, text)
}

button.addEventListener('click', async () => {
  const answer = await ask(button, '/auth/verify-email/' + encodeURIComponent(token))
  if (answer === undefined) return
  if (answer.status === 200) {
    intro.hidden = button.hidden = true
    return finish('Your address is confirmed', sentence(answer.message) + ' You can close this page.')
  }
  if (answer.status === 410) {
    return expired('This link does not work any more', 'It has expired, or it was used already: then your address is confirmed, and you can sign in. Otherwise ask for a new link.')
  }
  complain(answer)
})

listenForNewLink('/auth/resend-verification')
listenForCode(begin)
// The same link opened again in this tab changes only the fragment.
addEventListener('hashchange', () => location.hash !== '' && begin(takeToken()))
begin(takeToken())
`

export function verifyEmailPage(apiPrefix: string): Page {
  return renderPage({ title: 'Confirm your address', body: BODY, script: sharedScript(apiPrefix) + SCRIPT })
}
