/** Where an event is now, for one endpoint: what the store tells of it and how the endpoint does, put into one sentence. */
import type { EndpointConfig } from '../config/model.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { AttemptRecord, DeadLetterHead, Reason } from '../store/store.ts'
import { type EndpointStory, type HeldBatch, tookAll } from '../store/story.ts'
import type { EndpointTrace } from './model.ts'
import { inTheWay, turn, type Wait } from './waiting.ts'

export interface Standing {
  readonly story: EndpointStory
  /** Absent = it is not configured any more, or just beginning. */
  readonly status?: EndpointStatus | undefined
  readonly config?: EndpointConfig | undefined
  /** Requests that are sent just now, by their batch: since when, ms. */
  readonly sending: ReadonlyMap<string, number>
  /** The endpoint's fence lets it pass, as far as its object is known. */
  readonly inside: boolean
  readonly observedAt?: number | undefined
  readonly changedAt?: number | undefined
  /** When it came, by the hub's clock. */
  readonly storedAt?: number | undefined
  readonly idOf: (sequence: number) => string
}

export type Place = Pick<EndpointTrace, 'state' | 'text' | 'since' | 'next' | 'afterObservedMs' | 'afterChangedMs' | 'instead'>

export function placeOf(standing: Standing): Place {
  const { story } = standing
  const [held] = story.held
  if (held !== undefined) return held.parking === undefined ? inBatch(held, standing) : parked(held, held.parking, standing)
  if (story.before !== undefined && story.told.length === 0) return inLog(story.before, standing)
  const accepted = acceptances(story)
  const letter = story.letters.at(-1)
  const last = accepted.at(-1)
  if (letter !== undefined && (last === undefined || endOf(last.attempt) <= letter.diedAt)) return dead(letter)
  const [first] = accepted
  return first === undefined ? untold(standing) : delivered(first, standing)
}

interface Acceptance {
  readonly attempt: AttemptRecord
  /** Attempts until then. */
  readonly number: number
  readonly scan?: string
}

const endOf = ({ at, durationMs }: AttemptRecord): number => at + durationMs

/** Of requests that were accepted with the event, in their order. */
function acceptances({ told }: EndpointStory): readonly Acceptance[] {
  let number = 0
  return told.flatMap(({ attempts, attemptsBefore, scan }) => {
    number += attemptsBefore
    return attempts.flatMap((attempt) => {
      number++
      return tookAll(attempt) ? [{ attempt, number, ...(scan !== undefined && { scan }) }] : []
    })
  })
}

function delivered({ attempt, number, scan }: Acceptance, { observedAt, changedAt }: Standing): Place {
  const at = endOf(attempt)
  const how = number === 1 ? 'delivered at the first attempt' : `delivered at attempt ${number}`
  return {
    state: 'delivered',
    text: scan === undefined ? how : `${how}, by a scan or a replay`,
    since: at,
    ...(scan === undefined && observedAt !== undefined && { afterObservedMs: at - observedAt }),
    ...(scan === undefined && changedAt !== undefined && { afterChangedMs: at - changedAt }),
  }
}

const many = (count: number, noun: string): string => `${count} ${count === 1 ? noun : `${noun}s`}`

const withWait = (state: Place['state'], text: string, { since, next }: Omit<Wait, 'text'>): Place => ({
  state,
  text,
  ...(since !== undefined && { since }),
  ...(next !== undefined && { next }),
})

function inLog(before: number, { status }: Standing): Place {
  const behind = before === 0 ? '' : `, ${many(before, 'event')} before it`
  const wait = inTheWay(status) ?? {
    text:
      status?.phase === 'idle'
        ? 'it goes out when its batch is full or has waited long enough'
        : 'what comes first is being sent',
  }
  return withWait('log', `waits in the log${behind}: ${wait.text}`, wait)
}

/** These come from the inventory or a dead letter, not from the log. */
const again: ReadonlySet<Reason> = new Set<Reason>(['initial', 'resync', 'unwatched', 'replay'])

function inBatch({ id, before, events, attempts, member: { reason } }: HeldBatch, { status, config, sending }: Standing): Place {
  const since = sending.get(id)
  if (since !== undefined) return { state: 'batch', text: `in flight in batch ${id} of ${many(events, 'event')}`, since }
  const behind = before === 0 ? '' : `, ${many(before, 'event')} before it`
  const told = reason !== undefined && again.has(reason) ? ` (told by: ${reason})` : ''
  const tried = attempts === 0 ? '' : ` after ${many(attempts, 'attempt')}`
  const wait = inTheWay(status) ?? { text: turn(config, before) }
  return withWait('batch', `waits in batch ${id} of ${many(events, 'event')}${told}${tried}${behind}: ${wait.text}`, wait)
}

function parked({ before, firstAttemptAt }: HeldBatch, parking: NonNullable<HeldBatch['parking']>, { status }: Standing): Place {
  const first = before === 0 ? 'parked' : `parked behind ${many(before, 'request')} of its object, the first of them`
  const hold = inTheWay(status)
  const also = hold === undefined ? '' : `; and ${hold.text}`
  const text = `${first} after ${many(parking.attempts, 'attempt')}: ${parking.reason}${also}`
  const since = parking.firstAttemptAt ?? firstAttemptAt
  return withWait('parked', text, { next: parking.nextAttemptAt, ...(since !== undefined && { since }) })
}

const dead = ({ id, attempts, reason, diedAt }: DeadLetterHead): Place => ({
  state: 'dead-letter',
  text: `given up after ${many(attempts, 'attempt')}: ${reason} ('watch-hub dead-letters replay ${id}' tells it again)`,
  since: diedAt,
})

/** The cursor has passed it, and no request that was accepted told it. */
function untold({ story, inside, storedAt, idOf }: Standing): Place {
  const { instead, attemptsSince, told } = story
  if (instead !== undefined)
    return {
      state: 'passed-over',
      text: `passed over: event ${idOf(instead)} tells a newer state of the object instead`,
      instead: idOf(instead),
    }
  if (!inside) return { state: 'outside', text: "not sent: the endpoint's `allow` keeps it away" }
  if (told.length > 0)
    return {
      state: 'unknown',
      text: 'tried, and not told any more: what waits tells its object in a newer state, or nothing had to be',
    }
  if (attemptsSince === undefined || storedAt === undefined || storedAt < attemptsSince)
    return { state: 'unknown', text: 'told or passed over before the first attempt that is still known' }
  return {
    state: 'passed-over',
    text: 'passed over: nothing had to be told, because the object came and went, or what waited was dropped',
  }
}
