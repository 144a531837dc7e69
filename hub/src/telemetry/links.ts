/** Links of one span to the events that it is about. A span holds only so many: those to recorded traces come first, the rest is counted. */
import type { LinkTo } from './span.ts'

export interface Links {
  /** All of them, in the order in which they are worth something: what is beyond the limit the span leaves out. */
  readonly links: readonly LinkTo[]
  readonly total: number
  readonly dropped: number
}

/** Links of `first` come before all others. */
export function linksOf(events: readonly LinkTo[], most: number, first: readonly LinkTo[] = []): Links {
  const recorded = events.filter(({ context }) => context.sampled)
  const others = recorded.length === events.length ? [] : events.filter(({ context }) => !context.sampled)
  const links = [...first, ...recorded, ...others]
  return { links, total: events.length, dropped: Math.max(0, links.length - most) }
}
