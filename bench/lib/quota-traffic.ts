/** Clients of a quota on a driven clock: an honest one, a greedy one, and an attacker that aims at window borders. */

/** One of several limiters that share a quota, as in several processes or isolates. */
export interface QuotaInstance {
  charge(): Promise<ChargeResult>
}

/** The outcome of a charge. */
export interface ChargeResult {
  readonly allowed: boolean
  /** The wait that the client is asked for; 0 if the request was allowed. */
  readonly retryAfterMs: number
}

/** A clock that only moves when a client waits. */
export interface DrivenClock {
  nowMs: number
}

/** The quota and the limiters that clients charge. */
export interface Traffic {
  readonly quota: number
  readonly windowMs: number
  readonly clock: DrivenClock
  readonly instances: readonly QuotaInstance[]
}

/** The requests of a client that were admitted. */
export interface Share {
  /** The time of each admitted request, oldest first. */
  readonly admittedAtMs: readonly number[]
  /** How many requests the quota entitles the client to over the whole time. */
  readonly due: number
}

/** How an honest client behaves. */
export interface HonestyOptions {
  readonly windows: number
  /** The place of a request within its turn, 0 to 1: no network keeps a pace to the millisecond. */
  readonly random: () => number
  /** Waits are rounded up to multiples of this. 1000 is the resolution of `Retry-After`. */
  readonly waitUnitMs: number
}

/**
 * Asks one instance for exactly the quota, once per turn of an even pace. After a refusal the client waits for the time
 * in the answer, loses the turns within it, and does not make up for them.
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

/** Asks every instance in turn for ten times the quota in total, and ignores the waits in the answers. */
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

/** How long before the end of a window the first burst comes. Ends of half-second slices are among them. */
const LEADS_MS = [1, 499, 500, 501]
/** When the later bursts come, relative to one window after the first. */
const AFTERMATHS_MS = [-1, 0, 1, 499, 500, 501, 1_000]

/**
 * Sends bursts of twice the quota to all instances at once.
 *
 * The first burst comes just before the end of a clock window, after an empty window. The later ones come around the
 * end of the window that the first burst begins. A counter that weighs the previous window by its remaining share
 * admits the quota twice.
 *
 * @param newSubject called before each attack, so that it starts with an unused quota
 * @returns the most requests admitted in any window
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

/** The most requests in any window, wherever it begins. A window includes its first moment and excludes its end. */
export function mostInAnyWindow(admittedAtMs: readonly number[], windowMs: number): number {
  let [most, first] = [0, 0]
  for (const [last, atMs] of admittedAtMs.entries()) {
    while (atMs - (admittedAtMs[first] ?? 0) >= windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}
