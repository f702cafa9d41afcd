/** The page behind a link that cancels a change of address: a button posts the token, so that opening it uses nothing up. */

import { type Page, renderPage } from './page.ts'
import { CODE_FORM, sharedScript, VOICES } from './script.ts'

const BODY = `<form id="cancel" novalidate hidden>
<button type="submit">Cancel the change</button>
</form>
${VOICES}
${CODE_FORM}
<p id="next" hidden>If the change was not yours, the person who requested it knows your password: <a href="/reset-password">choose a new one</a>. That signs out every device.</p>
<noscript><p>This page needs JavaScript to cancel a change of address.</p></noscript>`

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
  tell(token === '' ? 'Open the link in our email once more, or paste the code from it.' : 'Press the button, and your account keeps its present address.')
}

function end(title, text) {
  form.hidden = true
  find('#next').hidden = false
  finish(title, text)
}

form.addEventListener('submit', async event => {
  event.preventDefault()
  const answer = await ask(form.querySelector('button'), '/auth/cancel-email-change/' + encodeURIComponent(token))
  if (answer === undefined) return
  if (answer.status === 200) return end('The change is cancelled', sentence(answer.message))
  if (answer.status === 410) {
    return end('This link does not work any more', 'It has expired, or it was used already, or the change has taken effect. Where you cannot sign in with this address any more, please tell the operator of the service at once.')
  }
  complain(answer)
})

// The same link opened again in this tab changes only the fragment.
addEventListener('hashchange', () => location.hash !== '' && begin(takeToken()))
listenForCode(begin)
begin(takeToken())
`

export function cancelEmailChangePage(apiPrefix: string): Page {
  return renderPage({ title: 'Cancel the change of address', body: BODY, script: sharedScript(apiPrefix) + SCRIPT })
}
