/**
 * Loaded into a server with `--import`: watches how late its event loop is, and says so over IPC. The server itself is
 * the one that ships.
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
  // What is recorded is the time between two ticks of a timer, its own period included.
  return Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS)
})
