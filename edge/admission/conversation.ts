/**
 * One request's conversation with the admission: begin, `refusal()`, `identify()`, `ready()`, `sessionStatus()`,
 * `charge()`.
 */

import type { StoreFailurePolicy } from '../contract/policies.ts'
import type { Charge } from '../limiter/charge.ts'
import type { RevocationView, SessionStatus, TokenSession } from '../revocation/revocation-view.ts'
import type { BucketMemory } from './bucket-memory.ts'
import type { ChargeRefusal, ChargeResult } from './charge-result.ts'
import type { Charging } from './charging.ts'
import type { Background, Need } from './need.ts'
import type { SubjectBucket } from './subject-bucket.ts'

/** A request at its beginning. */
export interface Beginning {
  /** Charges of an anonymous request: those by client address. */
  readonly charges: readonly Charge[]
  readonly begunAtMs: number
  readonly background: Background
}

export interface Conversation {
  /** The refusal where a quota is known to be used up. Nothing is asked or debited. */
  refusal(): ChargeRefusal | undefined
  /** Adds the session of a verified token, and the charges of its user. */
  identify(session: TokenSession, charges: readonly Charge[]): void
  /**
   * Brings what `sessionStatus` and `charge` need into memory: by one Redis call where something is missing, otherwise
   * at once (`undefined`). Renews behind the request leases and a view that run out. Never rejects because of Redis.
   */
  ready(): Promise<void> | undefined
  /** The status of the session for this request; `unknown` before `identify()`. */
  sessionStatus(): SessionStatus
  /** Debits all charges, or none where one of them refuses. */
  charge(onStoreFailure: StoreFailurePolicy): ChargeResult
  /** Like `charge()`, without the charges of the user: the client's token or session is refused. */
  chargeAnonymous(onStoreFailure: StoreFailurePolicy): ChargeResult
}

/** The parts of an admission that a conversation uses. */
export interface AdmissionParts {
  readonly memory: BucketMemory
  readonly charging: Charging
  readonly view: RevocationView
  readonly nowMs: () => number
  readonly supply: (need: Need) => Promise<void> | undefined
}

/** Begins a conversation. Its buckets are looked up once, and again only where all buckets were given up meanwhile. */
export function beginConversation(parts: AdmissionParts, beginning: Beginning): Conversation {
  const { memory, charging, view, nowMs, supply } = parts
  const { begunAtMs, background } = beginning
  let charges = beginning.charges
  let session: TokenSession | undefined
  let generation = memory.generation()
  let known: readonly SubjectBucket[] = charges.map(memory.bucketOf)

  function buckets(): readonly SubjectBucket[] {
    if (generation !== memory.generation()) {
      generation = memory.generation()
      known = charges.map(memory.bucketOf)
    }
    return known
  }

  return {
    refusal: () => charging.refusal(buckets()),
    identify(verified, more) {
      session = verified
      known = [...buckets(), ...more.map(memory.bucketOf)]
      charges = [...charges, ...more]
    },
    ready() {
      const atMs = nowMs()
      memory.noteTime(atMs)
      return supply({ buckets: buckets(), isRevocable: session !== undefined, begunAtMs: atMs, background })
    },
    sessionStatus: () => (session === undefined ? 'unknown' : view.status(session, begunAtMs)),
    charge: onStoreFailure => charging.charge(buckets(), onStoreFailure),
    chargeAnonymous: onStoreFailure => charging.charge(buckets().slice(0, beginning.charges.length), onStoreFailure)
  }
}
