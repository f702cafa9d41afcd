/** Clients of a quota on a driven clock: one that keeps to it, one that never stops asking, one that knows its windows. */

/** A limiter in one process of many, or one isolate. */
export interface QuotaInstance {
  charge(): Promise<ChargeResult>
}

export interface ChargeResult {
  readonly allowed: boolean
  /** After how long to ask again, as the client is told: 0 where it may go on. */
  readonly retryAfterMs: number
}

/** Time passes where a client waits, and nowhere else. */
export interface DrivenClock {
  nowMs: number
}

export interface Traffic {
  readonly quota: number
  readonly windowMs: number
  readonly clock: DrivenClock
  readonly instances: readonly QuotaInstance[]
}

/** What a client got. */
export interface Share {
  /** When each request passed, oldest first. */
  readonly admittedAtMs: readonly number[]
  /** What was due to the client: one request for each turn of its pace, or the quota for each window. */
  readonly due: number
}

/** An honest client, besides its traffic. */
export interface HonestyOptions {
  readonly windows: number
  /** Where in its turn each request falls, 0 to 1: no network keeps a pace to the millisecond. */
  readonly random: () => number
  /** It waits for whole multiples of this: 1000 is what `Retry-After` can say. */
  readonly waitUnitMs: number
}

/**
 * Asks for exactly the quota, evenly paced, at one instance: once in each turn. Where it is refused it keeps silent for as
 * long as it was told, loses the turns that fall into that time, and does not make up for them.
 */
export async function askHonestly(traffic: Traffic, { windows, random, waitUnitMs }: HonestyOptions): Promise<Share> {
  const { quota, windowMs, clock, instances } = traffic
  const [instance] = instances
  if (instance === undefined) throw new RangeError('an honest client needs an instance to ask')
  const [startedMs, paceMs] = [clock.nowMs, windowMs / quota]
  const admittedAtMs: number[] = []
  const due = windows * quota
  let silentUntilMs = startedMs
  for (let turn = 0; turn < due; turn++) {
    clock.nowMs = startedMs + Math.floor((turn + random()) * paceMs)
    if (clock.nowMs < silentUntilMs) continue
    const { allowed, retryAfterMs } = await instance.charge()
    if (allowed) admittedAtMs.push(clock.nowMs)
    else silentUntilMs = clock.nowMs + Math.ceil(retryAfterMs / waitUnitMs) * waitUnitMs
  }
  return { admittedAtMs, due }
}

/** Asks for ten times the quota, at every instance in turn, whatever it is told. */
export async function askGreedily({ quota, windowMs, clock, instances }: Traffic, windows: number): Promise<Share> {
  const [startedMs, paceMs] = [clock.nowMs, windowMs / (10 * quota)]
  const admittedAtMs: number[] = []
  for (let turn = 0; turn < windows * 10 * quota; turn++) {
    clock.nowMs = startedMs + Math.floor(turn * paceMs)
    const answer = await instances[turn % instances.length]?.charge()
    if (answer?.allowed) admittedAtMs.push(clock.nowMs)
  }
  return { admittedAtMs, due: windows * quota }
}

/** How long before the border of a window the first burst falls: the borders of slices of half a second among them. */
const LEADS_MS = [1, 499, 500, 501]
/** How far from the last moment of the same window the later bursts fall. */
const AFTERMATHS_MS = [-1, 0, 1, 499, 500, 501, 1_000]

/**
 * Bursts of twice the quota at all instances at once: just before a window that is counted by the clock ends, when the one
 * before was empty, and then again and again around the end of the window that begins with that burst. A counter that
 * weighs the window before by the share of it that is left gives the quota twice.
 *
 * @param newSubject told before each attack: nothing is left of the one before
 */
export async function attack(traffic: Traffic, newSubject: () => void): Promise<number> {
  const { quota, windowMs, clock, instances } = traffic
  let most = 0
  for (const leadMs of LEADS_MS) {
    newSubject()
    const admittedAtMs: number[] = []
    const borderMs = Math.ceil(clock.nowMs / windowMs) * windowMs + windowMs
    const firstMs = borderMs - leadMs
    for (const atMs of [firstMs, ...AFTERMATHS_MS.map(aftermathMs => firstMs + windowMs + aftermathMs)]) {
      clock.nowMs = atMs
      const asked = Array.from({ length: 2 * quota }, (_, i) => instances[i % instances.length]?.charge())
      const answers = await Promise.all(asked)
      for (const answer of answers) if (answer?.allowed) admittedAtMs.push(atMs)
    }
    most = Math.max(most, mostInAnyWindow(admittedAtMs, windowMs))
  }
  return most
}

/** The most in a window, wherever it begins; its first moment is in it, the first of the next is not. */
export function mostInAnyWindow(admittedAtMs: readonly number[], windowMs: number): number {
  let [most, first] = [0, 0]
  for (const [last, atMs] of admittedAtMs.entries()) {
    while (atMs - (admittedAtMs[first] ?? 0) >= windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}
