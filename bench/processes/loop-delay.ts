/**
 * Measures the event-loop delay of a server and reports it over IPC. It is loaded with `--import` into the unchanged
 * server that ships.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LoopDelayQuestion } from '../lib/origin-process.ts'
import { answerParent } from './answer-parent.ts'

const RESOLUTION_MS = 5

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()

answerParent<LoopDelayQuestion>(question => {
  if (question === 'begin') {
    delay.reset()
    return 0
  }
  // The monitor records the time between two ticks of its timer, including the period of the timer.
  return Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS)
})
