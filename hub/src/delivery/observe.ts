/** Observing: counts what comes of each attempt, and changes nothing. */
import type { AttemptOutcome, DeliveryMeter } from './meter.ts'
import type { Outcome, Send } from './send.ts'

export const observed = (send: Send, { meter, now }: { readonly meter: DeliveryMeter; readonly now: () => number }): Send =>
  async function observe(batch, signal) {
    const began = now()
    const outcome = await send(batch, signal)
    const name = outcomeName(outcome)
    if (name !== undefined)
      meter.attempt({
        endpoint: batch.endpoint,
        outcome: name,
        events: batch.events,
        bytes: batch.body.length,
        ms: now() - began,
        resends: 'resends' in outcome ? (outcome.resends ?? 0) : 0,
      })
    return outcome
  }

/** Nothing where nothing was tried. */
const outcomeName = (outcome: Outcome): AttemptOutcome | undefined => {
  if (outcome.kind === 'changed') return undefined
  return outcome.kind === 'accepted' || outcome.kind === 'blocked' ? outcome.kind : outcome.why.kind
}
