/**
 * Retrying: repeats a batch until it is accepted, with delays that grow. It keeps order by being waited for: the courier does nothing else
 * meanwhile. It never gives up; that is for whoever decides about dead letters.
 */
import type { Backoff } from '@watch-hub/shared/runtime/backoff'
import type { Outcome, Send } from './send.ts'

export type Setback = Extract<Outcome, { readonly kind: 'try-later' | 'blocked' }>

export interface RetrySettings {
  /** Made for each batch. */
  readonly delays: () => Backoff
  /** Waits before the next attempt; answers false when it was cut short because something changed that makes a new start worthwhile. */
  readonly wait: (ms: number) => Promise<boolean>
  /** Told of each setback and of the wait that follows it. */
  readonly onSetback: (setback: Setback, waitMs: number) => void
}

/** Repeats `next` while it says try-later or blocked. Never shortens a wait that the endpoint asked for. */
export const retrying = ({ delays, wait, onSetback }: RetrySettings, next: Send): Send =>
  async function retry(batch, signal) {
    const backoff = delays()
    for (;;) {
      const outcome = await next(batch, signal)
      if (outcome.kind !== 'try-later' && outcome.kind !== 'blocked') return outcome
      const asked = outcome.kind === 'try-later' ? (outcome.afterMs ?? 0) : 0
      const ms = Math.max(backoff.next(), asked)
      onSetback(outcome, ms)
      if (!(await wait(ms))) backoff.reset()
    }
  }

const longestRetryAfterMs = 60 * 60_000

/** The wait that a `Retry-After` header asks for (seconds or a date), at most one hour. What is past, negative or garbage asks for nothing. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : httpDate(text) - now
  return ms > 0 ? Math.min(ms, longestRetryAfterMs) : undefined
}

/** `Date.parse` alone reads almost anything; an HTTP date begins with the day's name. The oldest form ends with the year and means GMT. */
const httpDate = (text: string): number =>
  /^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text) ? Date.parse(/ \d{4}$/.test(text) ? `${text} GMT` : text) : Number.NaN
