/** Observing: counts and records what comes of each attempt, and changes nothing. */
import type { AttemptRecord } from '../store/store.ts'
import type { AttemptOutcome, DeliveryMeter } from './meter.ts'
import { DeliveryFailure, type Outcome, type Outgoing, type Send } from './send.ts'

export interface Observing {
  readonly meter: DeliveryMeter
  readonly now: () => number
  /** Of every request that was made. */
  readonly note: (attempt: AttemptRecord) => void
}

export const observed = (send: Send, { meter, now, note }: Observing): Send =>
  async function observe(batch, signal) {
    const at = now()
    const outcome = await send(batch, signal)
    if (outcome.kind === 'changed') return outcome
    const name = outcomeName(outcome)
    const durationMs = now() - at
    const { endpoint, events } = batch
    const resends = resendsOf(outcome)
    meter.attempt({ endpoint, outcome: name, events, bytes: batch.body.length, ms: durationMs, resends })
    if (outcome.kind !== 'blocked') note({ ...recordOf(batch, outcome), at, durationMs, outcome: name })
    return outcome
  }

type Made = Exclude<Outcome, { readonly kind: 'changed' }>

const outcomeName = (outcome: Made): AttemptOutcome =>
  outcome.kind === 'accepted' || outcome.kind === 'blocked' ? outcome.kind : outcome.why.kind

const resendsOf = (outcome: Made): number => (outcome.kind === 'blocked' ? 0 : (outcome.resends ?? 0))

function recordOf({ id, events, body }: Outgoing, outcome: Made) {
  const about = { batch: id, events, bytes: body.length, resends: resendsOf(outcome) }
  if (outcome.kind === 'accepted') return { ...about, status: outcome.status }
  const { why } = outcome
  const { status, answer } = why instanceof DeliveryFailure ? why : {}
  return { ...about, error: why.message, ...(status !== undefined && { status }), ...(answer !== undefined && { answer }) }
}
