/** What a receiver asks for with `Retry-After`. */

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
