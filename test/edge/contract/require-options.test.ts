/** Options are complete and known, in the check itself and in every public function that takes options. */

import t from 'tap'
import { requireOptions } from '../../../edge/contract/require-options.ts'
import { createAdmission, createForward, createGateway, createRevocationView } from '../../../edge/index.ts'
import { createInlineKeySet, createRemoteKeySet, createTokenVerifier } from '../../../edge/verifier/index.ts'

interface Options {
  readonly url: string
  readonly audience: string | null
  readonly retries?: number
}
const NAMES = { url: 'required', audience: 'required', retries: 'optional' } as const

t.test('requireOptions() accepts complete options, and null as a value', async t => {
  for (const options of [
    { url: 'x', audience: null },
    { url: '', audience: 'y', retries: 0 }
  ] as Options[])
    t.doesNotThrow(() => requireOptions('open', options, NAMES))
})

t.test('requireOptions() names the missing and the unknown option', async t => {
  const table: readonly [object, string][] = [
    [{}, 'Cannot open: the option "url" is missing'],
    [{ url: 'x' }, 'Cannot open: the option "audience" is missing'],
    [{ url: undefined, audience: null }, 'Cannot open: the option "url" is missing'],
    [{ url: 'x', audiense: 'y' }, 'Cannot open: "audiense" is not an option. Options are "url", "audience", "retries"'],
    [{ url: 'x', audience: null, toString: 1 }, 'Cannot open: "toString" is not an option'],
    [{ url: 'x', audience: null, ['__proto__']: 1 }, 'Cannot open: "__proto__" is not an option']
  ]
  for (const [options, message] of table)
    t.throws(() => requireOptions('open', options as Options, NAMES), { name: 'TypeError', message })
})

t.test('every public function with options names the first missing option, and an unknown one', async t => {
  const functions: Readonly<Record<string, (options: never) => unknown>> = {
    createAdmission,
    createForward,
    createGateway,
    createInlineKeySet,
    createRemoteKeySet,
    createRevocationView,
    createTokenVerifier
  }
  for (const [name, create] of Object.entries(functions)) {
    t.throws(() => create({} as never), { name: 'TypeError', message: /the option "\w+" is missing$/ }, name)
    t.throws(
      () => create({ misspelt: 1 } as never),
      { name: 'TypeError', message: /"misspelt" is not an option/ },
      name
    )
  }
})
