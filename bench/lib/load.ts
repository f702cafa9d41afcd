/**
 * Generates load with autocannon: closed loop (a connection sends its next request after each answer) or open loop
 * (requests fall due at a fixed rate, whatever is answered). `paced-sends.ts` has the open loop.
 *
 * Three features of autocannon 9 are not used, because they distort the numbers:
 *
 * - Its histogram counts whole milliseconds, and most answers take less than one. Latencies are measured here instead.
 * - Its `overallRate` lets each connection send its share of a second at once: a burst, not a rate.
 * - Its correction for coordinated omission assumes that a request was due every millisecond (`Math.ceil(1 / rate)`
 *   seconds, passed to a histogram of milliseconds), which adds waits that no request had.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { createPacer, type Pacer } from './paced-sends.ts'
import { cpuMsOf } from './process-usage.ts'
import { createRecorder, type Expected, type Recorded, type Recorder } from './recorder.ts'
import { createStartingGate, type StartingGate } from './starting-gate.ts'

/** The requests of a load, and how they are sent. */
export interface LoadOptions extends Partial<Expected> {
  readonly url: string
  readonly connections: number
  readonly warmSeconds: number
  readonly seconds: number
  /** The bytes of the next request. Connections count from 0. */
  readonly next: (connection: number) => Uint8Array
  /** Called with each answer, before its connection calls `next` again. */
  readonly onAnswer?: (connection: number, status: number, body: string) => void
  /** Requests per second over all connections: an open loop. Absent: a closed loop. */
  readonly perSecond?: number
  /** The processes to count CPU time of: name → pid. */
  readonly processes?: Readonly<Record<string, number>>
}

/** What a load measured. */
export interface Loaded extends Recorded {
  /** CPU time of each process per answer, in microseconds. */
  readonly cpuMicros: Readonly<Record<string, number>>
  /** The share of a core that the load generator used. Near 1, the generator was the limit, not the server. */
  readonly generatorBusy: number
}

const TIMEOUT_SECONDS = 20
const SAMPLE_MS = 25
const A_DAY_SECONDS = 86_400

/** Loads a server for `warmSeconds` without counting, then counts for `seconds`. */
export async function load(options: LoadOptions): Promise<Loaded> {
  const { statuses = [200], refusals = [], processes = {}, perSecond } = options
  const recorder = createRecorder({ statuses, refusals })
  const pacer = perSecond === undefined ? undefined : createPacer(perSecond)
  const gate = createStartingGate(options.connections)
  const stop = startAutocannon(options, recorder, pacer, gate)
  try {
    await gate.opened
    pacer?.start()
    await sleep(options.warmSeconds * 1000)
    recorder.begin(performance.now())
    const before = usage(processes)
    await sleep(options.seconds * 1000)
    recorder.end(performance.now())
    const after = usage(processes)

    const recorded = recorder.result()
    const answers = recorded.count + recorded.refused.count
    const cpuMicros = Object.keys(processes).map(name => [
      name,
      (1000 * ((after.cpuMs[name] ?? 0) - (before.cpuMs[name] ?? 0))) / answers
    ])
    const generatorBusy = (after.ownMs - before.ownMs) / (after.atMs - before.atMs)
    return { ...recorded, cpuMicros: Object.fromEntries(cpuMicros), generatorBusy }
  } finally {
    pacer?.stop()
    await stop()
  }
}

function usage(processes: Readonly<Record<string, number>>) {
  const own = process.cpuUsage()
  const cpuMs = Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuMsOf(pid)]))
  return { cpuMs, ownMs: (own.user + own.system) / 1000, atMs: performance.now() }
}

/** @returns the function that stops it */
function startAutocannon(
  options: LoadOptions,
  recorder: Recorder,
  pacer: Pacer | undefined,
  gate: StartingGate
): () => Promise<void> {
  const { url, connections } = options
  const done = Promise.withResolvers<void>()
  let opened = 0
  const tracker = autocannon(
    {
      url,
      connections,
      duration: A_DAY_SECONDS,
      timeout: TIMEOUT_SECONDS,
      sampleInt: SAMPLE_MS,
      setupClient: client => {
        setUpClient(client, opened++, options, { recorder, pacer })
        gate.hold(client)
      }
    },
    error => (error === null ? done.resolve() : done.reject(error))
  )
  return () => {
    tracker.stop()
    return done.promise
  }
}

function setUpClient(
  client: autocannon.Client,
  connection: number,
  { next, onAnswer }: LoadOptions,
  { recorder, pacer }: { recorder: Recorder; pacer: Pacer | undefined }
): void {
  let startedMs = 0
  let isWaiting = false
  let body = ''
  const sends = pacer?.attach(client)

  client.getRequestBuffer = () => {
    // autocannon reconnects silently after the server has closed a connection.
    if (isWaiting) recorder.failed('the connection was closed before the answer')
    isWaiting = true
    startedMs = sends?.dueMs() ?? performance.now()
    return next(connection)
  }
  client.on('response', (status: number) => {
    const nowMs = performance.now()
    isWaiting = false
    recorder.answered(status, startedMs, nowMs)
    onAnswer?.(connection, status, body)
    body = ''
  })
  if (onAnswer) {
    client.on('body', (chunk: Buffer) => {
      body += chunk.toString()
    })
  }
  client.on('connError', (error: Error) => {
    isWaiting = false
    recorder.failed('code' in error ? String(error.code) : error.message)
  })
  client.on('timeout', () => {
    isWaiting = false
    recorder.failed(`no answer within ${TIMEOUT_SECONDS} s`)
  })
}
