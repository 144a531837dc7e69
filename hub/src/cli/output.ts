/** What commands print: aligned columns, ages, and nothing that could steer a terminal. */

/**
 * Names and reasons come from clusters, Git and endpoints: control characters are shown, not sent.
 * Lines and tabs are ours and stay.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (char) => (char === '\n' || char === '\t' ? char : spelledOut(char)))

const spelledOut = (char: string): string => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`

/** One line, whatever the text holds. */
export const inOneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** Columns two spaces apart; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(inOneLine))
  const widths = cells.reduce<number[]>((max, row) => row.map((cell, i) => Math.max(max[i] ?? 0, cell.length)), [])
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** The two largest units: `2h5m`, `12s`. Below a second: `0s`. */
export function age(ms: number): string {
  const first = units.findIndex(([, size]) => ms >= size)
  if (first < 0) return '0s'
  let rest = ms
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? '' : `${count}${unit}`
  })
  return parts.join('')
}

/** RFC 3339 in UTC with milliseconds; for a time that is none, its number. */
export const clockTime = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms))

export const short = (commit: string): string => (/^[0-9a-f]{40,}$/.test(commit) ? commit.slice(0, 10) : commit)

export const json = (value: unknown): string => JSON.stringify(value, null, 2)

/** `512 B`, `12.4 KiB`, `256 MiB`. */
export function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), sizes.length - 1)
  const value = count / 1024 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${sizes[power]}`
}

const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** How long something took: `21ms`, `1.5s`, `2m5s`. */
export function took(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`
  return ms < 10_000 ? `${Number((ms / 1_000).toFixed(1))}s` : age(ms)
}

/** `1 event`, `2 events`, `2 batches`. */
export const counted = (count: number, noun: string, plural = `${noun}s`): string => `${count} ${count === 1 ? noun : plural}`

/** `web/shop`, or `node-1` for what has no namespace. */
export const objectName = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  namespace === '' ? name : `${namespace}/${name}`
