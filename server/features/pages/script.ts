/**
 * The shared script and forms of the pages: reads the token, calls the API, shows the outcome.
 *
 * The script is text, because it runs in the browser. It must not contain a backtick, a backslash, or a dollar sign
 * before a brace.
 */

/** Builds the shared script. @param apiPrefix checked by the config: a path of plain characters */
// Over 40 lines: the text of one script.
export function sharedScript(apiPrefix: string): string {
  return `
const find = selector => document.querySelector(selector)
const heading = find('h1')
const status = find('[role=status]')
const alert = find('[role=alert]')
const UNREACHABLE = 'The server could not be reached. Please check your connection and try again.'

// Some mail gateways encode the hash sign of the link, so the token arrives in the path.
const LINKED_TOKEN = /(?:#|%23)token(?:=|%3D)([A-Za-z0-9_-]+)/i
const TOKEN = /[A-Za-z0-9_-]{20,}/

// Security: removes the token from the address bar and the history, so that it is not copied, shared or photographed.
function takeToken() {
  const [, token = ''] = LINKED_TOKEN.exec(location.href) ?? []
  const path = location.pathname.replace(/%23.*/, '')
  if (location.hash !== '' || path !== location.pathname) history.replaceState(null, '', path)
  return token
}

// Shows the field for the code, for links that have lost their token. The field accepts the whole link, too.
function offerCode() {
  find('#paste').hidden = false
}

function listenForCode(use) {
  const section = find('#paste')
  const input = section.querySelector('input')
  section.querySelector('form').addEventListener('submit', event => {
    event.preventDefault()
    input.removeAttribute('aria-invalid')
    const typed = [...input.value].filter(character => character.trim() !== '').join('')
    const token = LINKED_TOKEN.exec(typed)?.[1] ?? TOKEN.exec(typed)?.[0]
    if (token !== undefined) {
      input.value = ''
      section.hidden = true
      return use(token)
    }
    showStatus('')
    alert.textContent = 'This is not a code from one of our emails. Please copy all of it.'
    input.setAttribute('aria-invalid', 'true')
    input.focus()
  })
}

// Sends one request at a time. The button stays focusable, so a keyboard or a screen reader keeps its place.
async function post(button, path, body) {
  if (button.getAttribute('aria-disabled') === 'true') return undefined
  button.setAttribute('aria-disabled', 'true')
  showStatus('One moment …')
  try {
    const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch('${apiPrefix}' + path, { method: 'POST', ...(body === undefined ? {} : json) })
    return { status: response.status, ...(await response.json()) }
  } catch {
    return { status: 0, title: UNREACHABLE }
  } finally {
    button.removeAttribute('aria-disabled')
    showStatus('')
  }
}

function showStatus(text) {
  status.textContent = text
  alert.textContent = ''
}

function showProblem(answer) {
  status.textContent = ''
  const details = (answer.errors ?? []).map(({ detail }) => detail)
  const wait = answer.status === 429 ? ' Please try again later.' : ''
  const text = answer.code === 'rate-limited' ? 'Too many attempts.' + wait : sentence(answer.title)
  alert.replaceChildren(details.length > 0 ? 'It ' + details.join('. It ') + '.' : text)
}

const sentence = text => (/[.!?…]$/.test(text) ? text : text + '.')

// Shows the outcome in the heading and moves the focus there.
function finish(title, text) {
  heading.textContent = title
  document.title = title
  showStatus(text)
  heading.focus()
}

// Shows the form that requests a new link.
function offerNewLink(title, text) {
  const section = find('#again')
  section.hidden = false
  heading.textContent = title
  document.title = title
  showStatus(text)
  heading.focus()
}

function listenForNewLink(path) {
  const form = find('#again form')
  const input = form.querySelector('input')
  form.addEventListener('submit', async event => {
    event.preventDefault()
    input.removeAttribute('aria-invalid')
    const answer = await post(form.querySelector('button'), path, { email: input.value })
    if (answer === undefined) return
    if (answer.status === 202) {
      find('#again').hidden = true
      return finish('Please check your inbox', sentence(answer.message))
    }
    showProblem(answer)
    if (answer.status === 422) input.setAttribute('aria-invalid', 'true')
    input.focus()
  })
}
`
}

/** The form that requests a new link; hidden until `offerNewLink()` shows it. */
export const NEW_LINK_FORM = `<section id="again" hidden>
<form novalidate>
<label for="email">Your email address</label>
<div class="field"><input id="email" name="email" type="email" autocomplete="email" required maxlength="254" aria-describedby="problem"></div>
<button type="submit">Email me a new link</button>
</form>
</section>`

/** The form for the code that the email contains beside the link; hidden until `offerCode()` shows it. */
export const CODE_FORM = `<section id="paste" hidden>
<form novalidate>
<label for="code">Code from the email</label>
<div class="field"><input id="code" name="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="2048" aria-describedby="code-hint problem"></div>
<p class="hint" id="code-hint">It is on a line of its own. You can also paste the whole link.</p>
<button type="submit">Use this code</button>
</form>
</section>`

/** The live regions: progress is read out politely, a problem at once. */
export const LIVE_REGIONS = '<p role="status" aria-live="polite"></p>\n<p role="alert" id="problem"></p>'
