/** Durations (`100ms`, `1s`, `12h`) and sizes (`512Ki`, `1Mi`) as people write them, in manifests and on the command line. */

const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const sizeUnits = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 } as const

/** Milliseconds, or nothing when `text` is no duration: a whole number and one of `ms`, `s`, `m`, `h`. */
export const parseDuration = (text: string): number | undefined => scaled(text, durationUnits)

/** Bytes, or nothing when `text` is no size: a whole number and one of `Ki`, `Mi`, `Gi`, or none. */
export const parseSize = (text: string): number | undefined => scaled(text, sizeUnits)

/** The shortest form that `parseDuration` reads back: `90s`, `2h`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const unit = (['h', 'm', 's'] as const).find((each) => ms % durationUnits[each] === 0) ?? 'ms'
  return `${ms / durationUnits[unit]}${unit}`
}

function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([a-zA-Z]*)$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (digits === undefined || factor === undefined) return undefined
  const value = Number(digits) * factor
  return Number.isSafeInteger(value) ? value : undefined
}
