/** The whole local system in a fresh process, as `npm run dev` opens it, on ports that the system chooses. */

import { openStack, type Stack } from '../../local/stack.ts'
import { answerParent } from './answer-parent.ts'

export type SystemQuestion = { readonly dataDir: string } | 'close'

let stack: Stack | undefined

answerParent<SystemQuestion>(async question => {
  if (question === 'close') {
    await stack?.close()
    return 'closed'
  }
  // It resolves once the edge has answered 200 through everything that is behind it.
  stack = await openStack({ dataDir: question.dataDir, port: 0, env: {}, log: () => {} })
  return stack.edge
})
