/**
 * The pace of one endpoint: within any `perMs`, at most `requests` begin, first attempts or not. Pure; the clock is given.
 *
 * It counts what began, so nothing is saved up for later. A new limit looks back at what began under the one before. What an earlier run of
 * the hub sent is not known here.
 */
export interface RateLimit {
  readonly requests: number
  readonly perMs: number
}

export interface Pace {
  /** How long the next request has to wait, ms; 0 = it may begin. */
  waitMs(now: number): number
  /** A request begins. */
  begin(now: number): void
  limit(to: RateLimit | undefined): void
}

export function createPace(first?: RateLimit): Pace {
  let limit = first
  /** When the last requests began, oldest first: as many as the limit can ask about. */
  let begun: number[] = []
  return {
    waitMs(now) {
      const oldest = limit && begun.at(-limit.requests)
      return limit === undefined || oldest === undefined ? 0 : Math.max(0, oldest + limit.perMs - now)
    },
    begin(now) {
      if (limit === undefined) return
      begun.push(now)
      if (begun.length >= 2 * limit.requests) begun = begun.slice(-limit.requests)
    },
    limit: (to) => {
      limit = to
    },
  }
}
