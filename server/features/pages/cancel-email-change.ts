/** The page behind a link that cancels a change of address: a button posts the token, so that opening it uses nothing up. */

import { type Page, renderPage } from './page.ts'
import { sharedScript, VOICES } from './script.ts'

/** The field is for a code that is pasted from the email, because mail gateways drop the fragments of links. */
const BODY = `<form id="cancel" novalidate hidden>
<div id="pasted">
<label for="code">Code from our email</label>
<div class="field"><input id="code" name="code" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="2048" aria-describedby="problem"></div>
</div>
<button type="submit">Cancel the change</button>
</form>
${VOICES}
<p id="next" hidden>If the change was not yours, the person who requested it knows your password: <a href="/reset-password">choose a new one</a>. That signs out every device.</p>
<noscript><p>This page needs JavaScript to cancel a change of address.</p></noscript>`

const SCRIPT = `
const form = find('#cancel')
const code = find('#code')
let token = ''

function begin() {
  token = takeToken()
  heading.textContent = document.title = 'Cancel the change of address'
  form.hidden = false
  find('#next').hidden = true
  find('#pasted').hidden = token !== ''
  tell(token === '' ? 'Open the link in our email once more, or paste the code from it.' : 'Your account keeps its present address.')
}

function end(title, text) {
  form.hidden = true
  find('#next').hidden = false
  finish(title, text)
}

form.addEventListener('submit', async event => {
  event.preventDefault()
  const submitted = token === '' ? code.value.trim() : token
  if (submitted === '') return code.focus()
  const answer = await ask(form.querySelector('button'), '/auth/cancel-email-change/' + encodeURIComponent(submitted))
  if (answer === undefined) return
  if (answer.status === 200) return end('The change is cancelled', sentence(answer.message))
  if (answer.status === 410) {
    return end('This link does not work any more', 'It has expired, or it was used already, or the change has taken effect. Where you cannot sign in with this address any more, please tell the operator of the service at once.')
  }
  complain(answer)
})

// The same link opened again in this tab changes only the fragment.
addEventListener('hashchange', () => location.hash !== '' && begin())
begin()
`

export function cancelEmailChangePage(apiPrefix: string): Page {
  return renderPage({ title: 'Cancel the change of address', body: BODY, script: sharedScript(apiPrefix) + SCRIPT })
}
