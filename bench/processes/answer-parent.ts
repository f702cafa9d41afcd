/** The child's side of `lib/node-process.ts`: answers questions over IPC. */

interface Asked {
  readonly id: number
  readonly question: unknown
}

/** Answers every question with the result of `answer`, or with the text of its error. The process ends with its parent. */
export function answerParent<Question>(answer: (question: Question) => unknown): void {
  process.on('message', async ({ id, question }: Asked) => {
    try {
      process.send?.({ id, answer: await answer(question as Question) })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
}
