/** The style of the pages: one column, light or dark as the user prefers, large enough to touch. */

/** The style sheet of every page. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f3f4f6; --sheet: #fff; --ink: #1f2937; --quiet: #4b5563; --line: #9ca3af;
  --accent: #1d4ed8; --on-accent: #fff; --bad: #b91c1c; --focus: #b45309
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111827; --sheet: #1f2937; --ink: #f3f4f6; --quiet: #d1d5db; --line: #6b7280;
    --accent: #93c5fd; --on-accent: #111827; --bad: #fca5a5; --focus: #fcd34d
  }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: start center; padding: clamp(1rem, 10vh, 7rem) 1rem 1rem; background: var(--ground); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }
main { width: 100%; max-width: 28rem; padding: 1.75rem; background: var(--sheet); border-radius: 1rem; box-shadow: 0 1px 3px rgb(0 0 0 / .15) }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 0 0 .5rem; font-size: 1.125rem }
p, form { margin: .75rem 0 0 }
ul { margin: .25rem 0 0; padding-left: 1.25rem }
label { display: block; font-weight: 600 }
input { width: 100%; font: inherit; padding: .6rem .75rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent; color: inherit }
input[aria-invalid=true] { border-color: var(--bad); border-width: 2px }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.25rem; border: 1px solid transparent; border-radius: .5rem; background: var(--accent); color: var(--on-accent); cursor: pointer }
form > button, main > p > button { width: 100%; margin-top: 1rem }
button.plain { background: transparent; color: inherit; border-color: var(--line); padding: .5rem .9rem; white-space: nowrap }
button[aria-disabled=true] { opacity: .6; cursor: default }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
h1:focus, [role=status]:focus, [role=alert]:focus { outline: none }
.field { display: flex; gap: .5rem; margin-top: .25rem }
.field input { min-width: 0 }
.hint { margin-top: .25rem; color: var(--quiet); font-size: .9375rem }
[role=status]:not(:empty), [role=alert]:not(:empty) { margin-top: 1rem; padding-left: .75rem; border-left: 4px solid var(--accent) }
[role=alert]:not(:empty) { border-color: var(--bad) }
section { margin-top: 1.5rem; padding-top: 1.25rem; border-top: 1px solid var(--line) }
code { overflow-wrap: anywhere }
[hidden] { display: none !important }
`
