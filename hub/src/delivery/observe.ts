/** Observing: counts, traces and records what comes of each attempt, and changes nothing else. */

import type { AttemptRecord, Told } from '../store/store.ts'
import type { Item } from './formats/format.ts'
import type { AttemptOutcome, DeliveryMeter } from './meter.ts'
import { partlyTaken } from './partly.ts'
import { DeliveryFailure, type Outcome, type Outgoing, type Send } from './send.ts'
import type { DeliveryTracer } from './tracer.ts'

export interface Observing {
  readonly meter: DeliveryMeter
  readonly tracer: DeliveryTracer
  readonly now: () => number
  /** Of every request that was made. */
  readonly note: (attempt: AttemptRecord) => void
}

export const observed = (send: Send, { meter, tracer, now, note }: Observing): Send =>
  async function observe(batch, signal) {
    const at = now()
    const { id, endpoint, items = [], tried, body } = batch
    const number = (tried?.number ?? 0) + 1
    const trace = tracer.begin({ endpoint, batch: id, items, number, bytes: body.length, previous: tried?.last })
    const outcome = await send(trace === undefined ? batch : { ...batch, trace }, signal).catch((error: unknown) => {
      trace?.end({ outcome: 'given up', error: 'the request was given up: the hub stops, or failed' })
      throw error
    })
    if (outcome.kind === 'changed') return outcome
    const name = outcomeName(outcome)
    const durationMs = now() - at
    const { events } = batch
    const resends = resendsOf(outcome)
    meter.attempt({ endpoint, outcome: name, events, bytes: batch.body.length, ms: durationMs, resends })
    if (outcome.kind === 'blocked') return outcome
    const record = recordOf(batch, outcome)
    if (outcome.kind === 'accepted') trace?.end({ outcome: name, status: record.status, untaken: record.untaken?.length ?? 0 })
    else trace?.end({ outcome: name, status: record.status, error: record.error })
    const told = tried?.told === true ? {} : { told: toldOf(items) }
    note({ ...record, ...told, at, durationMs, outcome: name, ...(trace !== undefined && { traceparent: trace.traceparent }) })
    return outcome
  }

type Made = Exclude<Outcome, { readonly kind: 'changed' }>

const outcomeName = (outcome: Made): AttemptOutcome =>
  outcome.kind === 'accepted' || outcome.kind === 'blocked' ? outcome.kind : outcome.why.kind

const resendsOf = (outcome: Made): number => (outcome.kind === 'blocked' ? 0 : (outcome.resends ?? 0))

function toldOf(items: readonly Item[]): Told {
  const scan = items.find((item) => item.scan !== undefined)?.scan
  return { sequences: items.map(({ member }) => member.sequence), ...(scan !== undefined && { scan }) }
}

function recordOf(
  { id, events, items = [], body }: Outgoing,
  outcome: Made,
): Omit<AttemptRecord, 'at' | 'durationMs' | 'outcome'> {
  const about = { batch: id, events, bytes: body.length, resends: resendsOf(outcome) }
  if (outcome.kind === 'accepted') {
    const { status, failures = [] } = outcome
    return { ...about, status, ...partlyTaken(failures, items) }
  }
  const { why } = outcome
  const { status, answer } = why instanceof DeliveryFailure ? why : {}
  return { ...about, error: why.message, ...(status !== undefined && { status }), ...(answer !== undefined && { answer }) }
}
