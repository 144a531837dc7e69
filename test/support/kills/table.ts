/** The table that a matrix or a soak ends with. */
import type { Letters } from './letters.ts'
import type { Row } from './verdict.ts'

export interface Outcome {
  readonly seed: number
  readonly seconds: number
  readonly kills: readonly string[]
  /** In the clusters. */
  readonly changes: number
  readonly rows: readonly Row[]
  readonly withdrawn: number
  readonly letters: Pick<Letters, 'written' | 'problems'>
}

/** Requests that may come again for each time the hub died: those in flight, and as many that were accepted and not yet forgotten. */
const repeatsPerKill = ({ concurrency }: Row): number => 2 * concurrency

const columns = ['endpoint', 'delivered', 'lost', 'out of order', 'altered', 'duplicated', 'requests again', 'retold'] as const

export function tableOf({ seed, seconds, kills, changes, rows, withdrawn, letters }: Outcome): string {
  const lines = rows.map((row) =>
    [
      row.endpoint,
      row.delivered,
      row.lost.length,
      row.outOfOrder.length,
      row.altered.length,
      row.duplicates,
      row.repeated,
      row.retold,
    ].map(String),
  )
  const all = [[...columns], ...lines]
  const widths = columns.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0)))
  const text = all.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  )
  const random = kills.filter((kill) => kill.endsWith('at random')).length
  const hub = hubKills(kills)
  return [
    `seed ${seed}, ${Math.round(seconds)} s: ${kills.length} kills (hub ${hub}, agents ${kills.length - hub}; ${kills.length - random} at a moment, ${random} at random)`,
    `${changes} changes made; acknowledgements taken back ${withdrawn}; dead letters written ${letters.written}`,
    ...text,
  ].join('\n')
}

const hubKills = (kills: readonly string[]): number => kills.filter((kill) => kill.startsWith('hub ')).length

/** What must not be, one sentence each. `putBack`: how often the database was put back to an earlier copy. */
export function faultsOf({ rows, withdrawn, kills, letters }: Outcome, putBack = 0): readonly string[] {
  return [
    ...letters.problems,
    ...(withdrawn > 0 && putBack === 0 ? [`${withdrawn} times the hub had less than it had acknowledged`] : []),
    ...rows.flatMap((row) => faultsIn(row, putBack > 0 ? Number.POSITIVE_INFINITY : repeatsPerKill(row) * hubKills(kills))),
  ]
}

const faultsIn = ({ endpoint, lost, outOfOrder, altered, repeated }: Row, bound: number): readonly string[] => [
  ...lost.map((what) => `lost for ${endpoint}: ${what}`),
  ...outOfOrder.map((what) => `out of order for ${endpoint}: ${what}`),
  ...altered.map((what) => `altered for ${endpoint}: ${what}`),
  ...(repeated > bound ? [`${endpoint} got ${repeated} requests again, expected ${bound} at most`] : []),
]
