/** The bound of dead letters: says in time when one endpoint comes near its own, because behind it nothing is given up any more. */
import type { Log } from '@watch-hub/shared/runtime/log'
import { readableBytes } from './disk.ts'
import type { Link } from './link/link.ts'

export interface KeptLetters {
  look(): Promise<void>
}

const warnShare = 0.8

export function keepLetters({ link, log }: { readonly link: Pick<Link, 'call'>; readonly log: Log }, limit: number): KeptLetters {
  let near: ReadonlySet<string> = new Set()
  return {
    async look() {
      const totals = await link.call('letterTotals', undefined)
      const now = totals.filter(({ bytes }) => bytes >= limit * warnShare)
      for (const { endpoint, count, bytes } of now)
        if (!near.has(endpoint))
          log.warn(
            `the dead letters of an endpoint hold ${readableBytes(bytes)} of at most ${readableBytes(limit)}: replay or drop them, or raise --dead-letter-limit; when they are full, its parked objects are tried on and not given up`,
            { endpoint, letters: count },
          )
      const names = new Set(now.map(({ endpoint }) => endpoint))
      for (const endpoint of near.difference(names))
        log.info('the dead letters of an endpoint are well within their bound again', { endpoint })
      near = names
    },
  }
}
