/** The page of a reset link: a form posts the token and a new password. Without a token it offers to request a link. */

import { PASSWORD_CLASSES, PASSWORD_MAX_LENGTH, type PasswordClass } from '../../lib/passwords/password-policy.ts'
import { type Page, renderPage } from './page.ts'
import { CODE_FORM, LIVE_REGIONS, NEW_LINK_FORM, sharedScript } from './script.ts'

/** The rules that the page shows. */
export interface PasswordRules {
  readonly minLength: number
  readonly classes: readonly PasswordClass[]
}

const body = (rules: PasswordRules) => `<form id="reset" novalidate hidden>
<label for="password">New password</label>
<div class="field">
<input id="password" name="password" type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false" required maxlength="512" passwordrules="${passwordRules(rules)}" aria-describedby="rules problem">
<button type="button" class="plain" id="show" aria-pressed="false" aria-controls="password" aria-label="Show password">Show</button>
</div>
<p class="hint" id="rules">${rulesInWords(rules)}</p>
<button type="submit">Set my new password</button>
</form>
${LIVE_REGIONS}
${NEW_LINK_FORM}
${CODE_FORM}
<noscript><p>This page needs JavaScript to set a new password.</p></noscript>`

const SCRIPT = `
const form = find('#reset')
const input = find('#password')
const show = find('#show')
const submit = form.querySelector('[type=submit]')
let token = ''

function begin(found) {
  token = found
  if (token !== '') return ready()
  offerCode()
  expired('Choose a new password', 'Enter your email address, and we will email you a link. If you already have the email, paste the code from it.')
}

function ready() {
  heading.textContent = document.title = 'Choose a new password'
  form.hidden = false
  find('#again').hidden = find('#paste').hidden = true
  showStatus('')
}

function expired(title, text) {
  form.hidden = true
  input.value = ''
  offerNewLink(title, text)
}

function reveal(shown) {
  input.type = shown ? 'text' : 'password'
  show.setAttribute('aria-pressed', String(shown))
  show.textContent = shown ? 'Hide' : 'Show'
}

show.addEventListener('click', () => reveal(input.type === 'password'))

form.addEventListener('submit', async event => {
  event.preventDefault()
  input.removeAttribute('aria-invalid')
  const answer = await post(submit, '/auth/reset-password', { token, password: input.value })
  if (answer === undefined) return
  if (answer.status === 200) {
    // Hidden again before it is cleared, so that a password manager recognizes a password.
    reveal(false)
    form.hidden = true
    input.value = ''
    return finish('Your new password is set', sentence(answer.message) + ' Every device was signed out.')
  }
  if (answer.status === 410) {
    return expired('This link no longer works', 'It has expired, or it was already used. Enter your email address, and we will email you a new one.')
  }
  showProblem(answer)
  if (answer.status === 422) input.setAttribute('aria-invalid', 'true')
  input.focus()
})

listenForNewLink('/auth/forgot-password')
listenForCode(begin)
// The same link opened again in this tab changes only the fragment.
addEventListener('hashchange', () => location.hash !== '' && begin(takeToken()))
begin(takeToken())
`

/** Builds the page for one policy. */
export function resetPasswordPage(apiPrefix: string, rules: PasswordRules): Page {
  return renderPage({ title: 'Choose a new password', body: body(rules), script: sharedScript(apiPrefix) + SCRIPT })
}

/** The rules in the words of the API's error details. */
function rulesInWords({ minLength, classes }: PasswordRules): string {
  const wanted = classes.map(name => PASSWORD_CLASSES[name].detail.replace('must contain ', ''))
  const last = wanted.at(-1)
  const list = wanted.length > 1 ? `${wanted.slice(0, -1).join(', ')} and ${last}` : last
  return `At least ${minLength} characters${list === undefined ? '' : `, with ${list}`}.`
}

/** The classes in the words of password managers. Their `special` is ASCII punctuation and the space. */
const RULE_OF_CLASS: Readonly<Record<PasswordClass, string>> = {
  upper: 'upper',
  lower: 'lower',
  digit: 'digit',
  symbol: 'special'
}

/**
 * The policy for password managers, so that their passwords are accepted: the value of `passwordrules`, as Apple
 * proposed it. Without `allowed` a manager would use only the required classes.
 */
function passwordRules({ minLength, classes }: PasswordRules): string {
  const required = classes.map(name => `required: ${RULE_OF_CLASS[name]}`)
  const rules = [
    `minlength: ${minLength}`,
    `maxlength: ${PASSWORD_MAX_LENGTH}`,
    ...required,
    'allowed: ascii-printable'
  ]
  return `${rules.join('; ')};`
}
