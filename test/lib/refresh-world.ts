/**
 * A small world around one session: several tabs that share one cookie jar, a network that loses, delays and reorders,
 * a browser that crashes, and a thief who copies the jar. Time is a number.
 *
 * The server is a port: the pure rule here, the SQL statement in the parity test. Tokens are their counters.
 */

import fc from 'fast-check'
import { judgeRefresh, type RefreshState, type RefreshVerdict } from '../../server/features/sessions/refresh-rule.ts'

export const GRACE_MS = 60_000
/** The longest trip of a request and its answer. An older answer never arrives. */
export const MAX_TRIP_MS = GRACE_MS / 2
/** How long a first sight of an access token may wait before it counts. */
const MAX_NOTE_MS = 1000
const TABS = 3
const DAY_MS = 86_400_000

/** The session at the server. */
export interface RefreshServer {
  /** Presents a token. @returns the current counter, or how the token was refused */
  present(counter: number, nowMs: number): Promise<number | 'reused' | 'dead'>
  /** An access token with this counter was seen. */
  confirm(counter: number): Promise<void>
}

export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'send' | 'use'; readonly tab: number; readonly noteMs: number }
  | { readonly kind: 'arrive' | 'deliver' | 'lose'; readonly pick: number }
  | { readonly kind: 'crash'; readonly forgets: boolean }
  | { readonly kind: 'refresh' | 'steal' | 'thief-asks' | 'thief-uses' }

const waits = fc.oneof(
  fc.constantFrom(1, 100, 900, 11_000, MAX_TRIP_MS - 1, GRACE_MS - 200, GRACE_MS - 1, GRACE_MS, GRACE_MS + 1, 900_000),
  fc.integer({ min: 0, max: 2 * GRACE_MS })
)
const tab = fc.nat(TABS - 1)
const pick = fc.nat(7)
const honestStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: waits }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('refresh' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom('send', 'send', 'use'), tab, noteMs: fc.nat(MAX_NOTE_MS) })
  },
  {
    weight: 9,
    arbitrary: fc.record({ kind: fc.constantFrom('arrive', 'arrive', 'deliver', 'deliver', 'lose'), pick })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), forgets: fc.boolean() }) }
)
const thiefStep: fc.Arbitrary<Step> = fc.record({ kind: fc.constantFrom('steal', 'thief-asks', 'thief-uses') })

export const honestLife = fc.array(honestStep, { minLength: 10, maxLength: 60 })
export const lifeWithThief = fc.array(
  fc.oneof({ weight: 5, arbitrary: honestStep }, { weight: 1, arbitrary: thiefStep }),
  { minLength: 10, maxLength: 60 }
)

/** The pure rule as a server. */
export function ruleServer(nowMs: number): RefreshServer {
  const expiresAt = new Date(nowMs + 3650 * DAY_MS)
  let state: RefreshState = {
    refreshCounter: 0,
    rotatedAt: null,
    refreshConfirmed: false,
    endedAt: null,
    idleExpiresAt: expiresAt,
    expiresAt
  }
  return {
    async present(counter, atMs) {
      const verdict = judgeRefresh(state, counter, atMs, GRACE_MS / 1000)
      state = { ...state, ...changes(state, verdict, new Date(atMs)) }
      return verdict === 'reused' || verdict === 'dead' ? verdict : state.refreshCounter
    },
    async confirm(counter) {
      if (counter === state.refreshCounter) state = { ...state, refreshConfirmed: true }
    }
  }
}

/** What a verdict changes in the session. */
function changes(state: RefreshState, verdict: RefreshVerdict, at: Date): Partial<RefreshState> {
  if (verdict === 'kept') return { refreshConfirmed: true }
  if (verdict === 'rotated') return { refreshCounter: state.refreshCounter + 1, rotatedAt: at, refreshConfirmed: false }
  if (verdict === 'succeeded') return state.refreshConfirmed ? {} : { rotatedAt: at }
  return verdict === 'reused' ? { endedAt: at } : {}
}

interface Trip {
  readonly sentMs: number
  readonly presented: number
  readonly tab: number
  /** Undefined until the server has answered. */
  answer: number | undefined
}

/** One presentation, as the server saw it. */
export interface Presented {
  readonly by: 'owner' | 'thief'
  readonly counter: number
  readonly atMs: number
  readonly outcome: number | 'reused' | 'dead'
}

/** The world, one step after the other. */
export class RefreshWorld {
  readonly log: Presented[] = []
  nowMs: number
  /** The cookie that all tabs share, and the one before it. */
  jar = 0
  #older = 0
  /** The counter of each tab's access token. */
  readonly #access: number[] = Array.from({ length: TABS }, () => 0)
  #trips: Trip[] = []
  #notes: { readonly counter: number; readonly dueMs: number }[] = []
  #used = new Set<number>([0])
  thief: number | undefined
  readonly #server: RefreshServer

  constructor(server: RefreshServer, nowMs: number) {
    this.#server = server
    this.nowMs = nowMs
  }

  async live(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.step(step)
    }
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'wait') return this.wait(step.ms)
    if (step.kind === 'send') return this.#send(step.tab)
    if (step.kind === 'use') return this.#use(this.#access[step.tab] ?? 0, step.noteMs)
    if (step.kind === 'crash') return this.#crash(step.forgets)
    if (step.kind === 'refresh') await this.ownerRefreshes()
    else if (step.kind === 'steal') this.thief = this.jar
    else if (step.kind === 'thief-asks') await this.thiefAsks()
    else if (step.kind === 'thief-uses' && this.thief !== undefined) this.#note(this.thief, 0)
    else if ('pick' in step) await this.#onTrip(step.kind, step.pick)
    await this.#deliverNotes()
  }

  /** Time passes. Trips that take too long are lost. */
  async wait(ms: number): Promise<void> {
    this.nowMs += ms
    this.#trips = this.#trips.filter(({ sentMs }) => this.nowMs - sentMs <= MAX_TRIP_MS)
    await this.#deliverNotes()
  }

  /** A refresh of the owner without any fault, whose access token is then used. */
  async ownerRefreshes(): Promise<number | 'reused' | 'dead'> {
    const outcome = await this.#present('owner', this.jar)
    if (typeof outcome === 'number') {
      this.#setCookie(this.jar, outcome)
      this.#use(outcome, 0)
      await this.#deliverNotes()
    }
    return outcome
  }

  /** The thief refreshes with what it holds. */
  async thiefAsks(): Promise<number | 'reused' | 'dead' | undefined> {
    if (this.thief === undefined) return undefined
    const outcome = await this.#present('thief', this.thief)
    if (typeof outcome === 'number') this.thief = outcome
    return outcome
  }

  /** The thief uses its access token. */
  async thiefUses(): Promise<void> {
    if (this.thief !== undefined) this.#note(this.thief, 0)
    await this.#deliverNotes()
  }

  async #present(by: Presented['by'], counter: number): Promise<number | 'reused' | 'dead'> {
    const outcome = await this.#server.present(counter, this.nowMs)
    this.log.push({ by, counter, atMs: this.nowMs, outcome })
    return outcome
  }

  #send(tab: number): void {
    this.#used.add(this.jar)
    this.#trips.push({ sentMs: this.nowMs, presented: this.jar, tab, answer: undefined })
  }

  #use(counter: number, noteMs: number): void {
    this.#used.add(counter)
    this.#note(counter, noteMs)
  }

  #note(counter: number, noteMs: number): void {
    this.#notes.push({ counter, dueMs: this.nowMs + noteMs })
  }

  async #deliverNotes(): Promise<void> {
    const due = this.#notes.filter(({ dueMs }) => dueMs <= this.nowMs)
    this.#notes = this.#notes.filter(({ dueMs }) => dueMs > this.nowMs)
    for (const { counter } of due) await this.#server.confirm(counter)
  }

  async #onTrip(kind: 'arrive' | 'deliver' | 'lose', pick: number): Promise<void> {
    const fitting = this.#trips.filter(
      ({ answer }) => kind === 'lose' || (kind === 'arrive') === (answer === undefined)
    )
    const trip = fitting[pick % Math.max(1, fitting.length)]
    if (trip === undefined) return
    if (kind === 'arrive') {
      const outcome = await this.#present('owner', trip.presented)
      if (typeof outcome === 'number') trip.answer = outcome
      else this.#trips = this.#trips.filter(other => other !== trip)
      return
    }
    this.#trips = this.#trips.filter(other => other !== trip)
    if (kind === 'lose' || trip.answer === undefined) return
    this.#setCookie(trip.presented, trip.answer)
    this.#access[trip.tab] = trip.answer
  }

  /** A token that did not change is not set again. */
  #setCookie(presented: number, answer: number): void {
    if (answer === presented) return
    this.#older = this.jar
    this.jar = answer
  }

  /** Every trip and every access token is lost. A browser may also forget a cookie that it has just been given and has not used. */
  #crash(forgets: boolean): void {
    this.#trips = []
    this.#access.fill(0)
    if (forgets && !this.#used.has(this.jar)) this.jar = this.#older
  }
}
