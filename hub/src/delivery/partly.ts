/** What is noted of a request of which the endpoint took all events but those that it named: for people, and for whoever asks about one of them. */
import type { NamedFailure } from './send.ts'

/** Events that are noted of one request. */
const noted = 20

export function partlyTaken(failures: readonly NamedFailure[], events: number): string {
  const named = failures.slice(0, noted).map(({ id, message }) => `${id}: ${message}`)
  const more = failures.length > noted ? [`… and ${failures.length - noted} more`] : []
  return `took all but ${failures.length} of ${events} events: ${[...named, ...more].join('; ')}`
}

/** `id`: of the event, with its scan or without. */
export const isNamedIn = (note: string, id: string): boolean => note.includes(`${id}: `)
