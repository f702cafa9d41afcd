/**
 * Load by autocannon: closed loop (a connection sends when it was answered) and open loop (requests are due at a fixed
 * rate, whether the others were answered or not).
 *
 * Three things of autocannon 9 are not used, because they measure something else. Its histogram holds whole
 * milliseconds, and most of our answers take less than one: latencies are taken here, around its sends. Its
 * `overallRate` lets each connection send its share of a second at once and then wait for the next second: a burst, not
 * a rate. And its correction for coordinated omission takes for granted that a request was due every millisecond
 * (`Math.ceil(1 / rate)` seconds, handed to a histogram of milliseconds), which invents waits that nobody had.
 * `paced-sends.ts` has the open loop.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { createPacer, type Pacer } from './paced-sends.ts'
import { cpuMsOf } from './process-usage.ts'
import { createRecorder, type Expected, type Recorded, type Recorder } from './recorder.ts'
import { createStartingGate, type StartingGate } from './starting-gate.ts'

export interface LoadOptions extends Partial<Expected> {
  readonly url: string
  readonly connections: number
  readonly warmSeconds: number
  readonly seconds: number
  /** The bytes of the next request. Connections count from 0. */
  readonly next: (connection: number) => Uint8Array
  /** Told of each answer before its connection asks `next` again. */
  readonly onAnswer?: (connection: number, status: number, body: string) => void
  /** Requests a second over all connections: an open loop. Without it each connection sends as soon as it was answered. */
  readonly perSecond?: number
  /** Processes whose CPU time is counted, by name. */
  readonly processes?: Readonly<Record<string, number>>
}

export interface Loaded extends Recorded {
  /** CPU time of each process in microseconds, for each answer. */
  readonly cpuMicros: Readonly<Record<string, number>>
  /** The share of a core that the load generator used. Near 1, it was the limit, and not what it measured. */
  readonly generatorBusy: number
}

const TIMEOUT_SECONDS = 20
const SAMPLE_MS = 25
const A_DAY_SECONDS = 86_400

/** Loads a server for `warmSeconds` uncounted, then for `seconds` counted. */
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

/** @returns what ends it */
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
    // autocannon connects again without a word where the server hangs up.
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
