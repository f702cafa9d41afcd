/**
 * A small world around one session: several tabs that share one cookie jar, a network that loses, delays and reorders,
 * a browser that crashes, and a thief that copies the jar. Time is a number.
 *
 * The server is a port: the pure rule here, the SQL statement in the parity test. Refresh tokens are their counters.
 * Over 200 lines: the steps of one world are read together.
 */

import fc from 'fast-check'
import {
  judgeAccessToken,
  judgeRefresh,
  MAX_ANSWER_DELAY_MS,
  type RefreshOutcome,
  type RefreshState
} from '../../server/features/sessions/refresh-rule.ts'

export const GRACE_MS = 60_000
/** How long a first sight of an access token may wait before it counts. */
const MAX_NOTE_MS = 1000
const TABS = 3
const DAY_MS = 86_400_000

/** The counter of the refresh token that came with it, and when it was issued. */
export interface AccessToken {
  readonly counter: number
  readonly issuedMs: number
}

/** The current counter, or how the token was refused. */
export type Outcome = number | 'reused' | 'dead'

/** The session at the server. */
export interface RefreshServer {
  /** Presents a refresh token. */
  present(counter: number, nowMs: number): Promise<Outcome>
  /** An access token was seen. @returns whether it ended the session */
  see(token: AccessToken): Promise<boolean>
}

export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'send' | 'use'; readonly tab: number; readonly noteMs: number }
  | { readonly kind: 'arrive' | 'deliver' | 'lose'; readonly pick: number }
  | { readonly kind: 'crash'; readonly forgets: boolean }
  | { readonly kind: 'refresh' | 'steal' | 'thief-asks' }
  | { readonly kind: 'thief-uses'; readonly pick: number }

const waits = fc.oneof(
  fc.constantFrom(
    1,
    100,
    900,
    11_000,
    MAX_ANSWER_DELAY_MS - 1,
    GRACE_MS - 200,
    GRACE_MS - 1,
    GRACE_MS,
    GRACE_MS + 1,
    900_000
  ),
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
const thiefStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('steal', 'thief-asks') }),
  fc.record({ kind: fc.constant('thief-uses' as const), pick })
)

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
    lateHandouts: [],
    endedAt: null,
    idleExpiresAt: expiresAt,
    expiresAt
  }
  return {
    async present(counter, atMs) {
      const outcome = judgeRefresh(state, counter, atMs, GRACE_MS / 1000)
      state = { ...state, ...changes(state, outcome, new Date(atMs)) }
      return outcome === 'reused' || outcome === 'dead' ? outcome : state.refreshCounter
    },
    async see({ counter, issuedMs }) {
      const outcome = judgeAccessToken(state, counter, issuedMs)
      if (outcome === 'confirms') state = { ...state, refreshConfirmed: true }
      if (outcome === 'stolen') state = { ...state, endedAt: new Date(issuedMs) }
      return outcome === 'stolen'
    }
  }
}

/** What a refresh outcome changes in the session. */
function changes(state: RefreshState, outcome: RefreshOutcome, at: Date): Partial<RefreshState> {
  if (outcome === 'reused') return { endedAt: at }
  if (outcome === 'kept') return { refreshConfirmed: true }
  if (outcome === 'rotated') {
    return { refreshCounter: state.refreshCounter + 1, rotatedAt: at, refreshConfirmed: false }
  }
  if (outcome === 'dead' || state.refreshConfirmed) return {}
  const isYoung = state.rotatedAt !== null && +at - +state.rotatedAt < GRACE_MS
  if (isYoung) return { rotatedAt: at }
  return { rotatedAt: at, lateHandouts: [[state.refreshCounter, +at] as const, ...state.lateHandouts].slice(0, 16) }
}

interface Trip {
  readonly sentMs: number
  readonly presented: number
  readonly tab: number
  /** Undefined until the server has answered. */
  answer: AccessToken | undefined
}

type Party = 'owner' | 'thief'

/** What the server saw, in order. */
export type Entry =
  | {
      readonly kind: 'presented'
      readonly by: Party
      readonly counter: number
      readonly atMs: number
      readonly outcome: Outcome
    }
  | {
      readonly kind: 'seen'
      readonly by: Party
      readonly token: AccessToken
      readonly atMs: number
      readonly isStolen: boolean
    }

/** The world, one step after the other. */
export class RefreshWorld {
  readonly log: Entry[] = []
  nowMs: number
  /** The cookie that all tabs share, and the one before it. */
  jar = 0
  #older = 0
  /** The refresh token that the thief holds. */
  thief: number | undefined
  readonly #access: (AccessToken | undefined)[] = []
  /** The access tokens that the thief was given, oldest first. */
  readonly #loot: AccessToken[] = []
  #trips: Trip[] = []
  #notes: { readonly token: AccessToken; readonly by: Party; readonly dueMs: number }[] = []
  #used = new Set<number>([0])
  readonly #server: RefreshServer

  constructor(server: RefreshServer, nowMs: number) {
    this.#server = server
    this.nowMs = nowMs
  }

  async live(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#step(step)
  }

  /** Advances the time. Requests that take too long are lost. */
  async wait(ms: number): Promise<void> {
    this.nowMs += ms
    this.#trips = this.#trips.filter(({ sentMs }) => this.nowMs - sentMs <= MAX_ANSWER_DELAY_MS)
    await this.#deliverNotes()
  }

  /** A refresh of the owner without a fault. Its access token is then used. */
  async ownerRefreshes(): Promise<Outcome> {
    const outcome = await this.#present('owner', this.jar)
    if (typeof outcome === 'number') {
      this.#setCookie(this.jar, outcome)
      this.#access[0] = { counter: outcome, issuedMs: this.nowMs }
      this.#use(0, 0)
      await this.#deliverNotes()
    }
    return outcome
  }

  /** The thief refreshes with what it holds. */
  async thiefAsks(): Promise<Outcome | undefined> {
    if (this.thief === undefined) return undefined
    const outcome = await this.#present('thief', this.thief)
    if (typeof outcome === 'number') {
      this.thief = outcome
      this.#loot.push({ counter: outcome, issuedMs: this.nowMs })
    }
    return outcome
  }

  /** The thief uses one of its access tokens, or all of them. */
  async thiefUses(pick?: number): Promise<void> {
    const used = pick === undefined ? this.#loot : this.#loot.slice(pick % Math.max(1, this.#loot.length)).slice(0, 1)
    for (const token of used) this.#notes.push({ token, by: 'thief', dueMs: this.nowMs })
    await this.#deliverNotes()
  }

  async #step(step: Step): Promise<void> {
    if (step.kind === 'wait') await this.wait(step.ms)
    else if (step.kind === 'refresh') await this.ownerRefreshes()
    else if (step.kind === 'send') this.#send(step.tab)
    else if (step.kind === 'use') this.#use(step.tab, step.noteMs)
    else if (step.kind === 'crash') this.#crash(step.forgets)
    else if (step.kind === 'steal') this.thief = this.jar
    else if (step.kind === 'thief-asks') await this.thiefAsks()
    else if (step.kind === 'thief-uses') await this.thiefUses(step.pick)
    else if ('pick' in step) await this.#onTrip(step.kind, step.pick)
    await this.#deliverNotes()
  }

  async #present(by: Party, counter: number): Promise<Outcome> {
    const outcome = await this.#server.present(counter, this.nowMs)
    this.log.push({ kind: 'presented', by, counter, atMs: this.nowMs, outcome })
    return outcome
  }

  #send(tab: number): void {
    this.#used.add(this.jar)
    this.#trips.push({ sentMs: this.nowMs, presented: this.jar, tab, answer: undefined })
  }

  #use(tab: number, noteMs: number): void {
    const token = this.#access[tab]
    if (token === undefined) return
    this.#used.add(token.counter)
    this.#notes.push({ token, by: 'owner', dueMs: this.nowMs + noteMs })
  }

  async #deliverNotes(): Promise<void> {
    const due = this.#notes.filter(({ dueMs }) => dueMs <= this.nowMs)
    this.#notes = this.#notes.filter(({ dueMs }) => dueMs > this.nowMs)
    for (const { token, by } of due) {
      this.log.push({ kind: 'seen', by, token, atMs: this.nowMs, isStolen: await this.#server.see(token) })
    }
  }

  async #onTrip(kind: 'arrive' | 'deliver' | 'lose', pick: number): Promise<void> {
    const fitting = this.#trips.filter(
      ({ answer }) => kind === 'lose' || (kind === 'arrive') === (answer === undefined)
    )
    const trip = fitting[pick % Math.max(1, fitting.length)]
    if (trip === undefined) return
    const remove = () => {
      this.#trips = this.#trips.filter(other => other !== trip)
    }
    if (kind === 'arrive') {
      const outcome = await this.#present('owner', trip.presented)
      if (typeof outcome === 'number') trip.answer = { counter: outcome, issuedMs: this.nowMs }
      else remove()
      return
    }
    remove()
    if (kind === 'lose' || trip.answer === undefined) return
    this.#setCookie(trip.presented, trip.answer.counter)
    this.#access[trip.tab] = trip.answer
  }

  /** A token that did not change is not set again. */
  #setCookie(presented: number, answer: number): void {
    if (answer === presented) return
    this.#older = this.jar
    this.jar = answer
  }

  /**
   * Every pending request and every access token is lost. A browser may also forget a cookie that it has just received
   * and has not used.
   */
  #crash(forgets: boolean): void {
    this.#trips = []
    this.#access.length = 0
    if (forgets && !this.#used.has(this.jar)) this.jar = this.#older
  }
}
