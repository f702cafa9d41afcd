/** A process with the whole local system, as `npm run dev` opens it, on system-assigned ports. */

import { openStack, type Stack } from '../../local/stack.ts'
import { answerParent } from './answer-parent.ts'

/** Opens the system in a data directory, or closes it. */
export type SystemQuestion = { readonly dataDir: string } | 'close'

let stack: Stack | undefined

answerParent<SystemQuestion>(async question => {
  if (question === 'close') {
    await stack?.close()
    return 'closed'
  }
  // It resolves once the edge has answered 200.
  stack = await openStack({ dataDir: question.dataDir, port: 0, env: {}, log: () => {} })
  return stack.edge
})
