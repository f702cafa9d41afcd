/** The page of a link that cancels a change of email address. A button posts the token: opening the link does not. */

import { type Page, renderPage } from './page.ts'
import { CODE_FORM, LIVE_REGIONS, sharedScript } from './script.ts'

const BODY = `<form id="cancel" novalidate hidden>
<button type="submit">Cancel the change</button>
</form>
${LIVE_REGIONS}
${CODE_FORM}
<p id="next" hidden>If you did not request the change, another person knows your password. <a href="/reset-password">Choose a new one</a>: this signs out every device.</p>
<noscript><p>This page needs JavaScript to cancel a change of email address.</p></noscript>`

const SCRIPT = `
const form = find('#cancel')
let token = ''

function begin(found) {
  token = found
  heading.textContent = document.title = 'Cancel the change of address'
  form.hidden = token === ''
  find('#next').hidden = true
  find('#paste').hidden = true
  if (token === '') offerCode()
  showStatus(token === '' ? 'Open the link in our email again, or paste the code from that email.' : 'Press the button to keep the present email address of your account.')
}

function end(title, text) {
  form.hidden = true
  find('#next').hidden = false
  finish(title, text)
}

form.addEventListener('submit', async event => {
  event.preventDefault()
  const answer = await post(form.querySelector('button'), '/auth/cancel-email-change/' + encodeURIComponent(token))
  if (answer === undefined) return
  if (answer.status === 200) return end('The change is cancelled', sentence(answer.message))
  if (answer.status === 410) {
    return end('This link no longer works', 'It has expired, it was already used, or the change has taken effect. If you can no longer sign in with this address, please contact the operator of the service at once.')
  }
  showProblem(answer)
})

// The same link opened again in this tab changes only the fragment.
addEventListener('hashchange', () => location.hash !== '' && begin(takeToken()))
listenForCode(begin)
begin(takeToken())
`

/** Builds the page. */
export function cancelEmailChangePage(apiPrefix: string): Page {
  return renderPage({ title: 'Cancel the change of address', body: BODY, script: sharedScript(apiPrefix) + SCRIPT })
}
