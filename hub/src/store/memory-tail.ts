/**
 * The tail: the newest rows of the log in the main thread, fed by appends, so that couriers at the head never touch the disk.
 * It holds everything after its floor; what is older, the engine has. Bounded by rows and bytes: the oldest rows leave first.
 */
import { rowBytes, take } from './engine/log-row.ts'
import type { LogRow, ReadLimits, ReadResult, Sequence } from './store.ts'

export interface MemoryTail {
  /** Number of the newest row. */
  readonly head: Sequence
  /** Every row behind it is here. */
  readonly floor: Sequence
  /** True when every row after `from` is here. */
  covers(from: Sequence): boolean
  /** Rows of one append, in order. */
  push(rows: readonly LogRow[]): void
  /** Lets go of everything: rows on disk were changed. */
  clear(): void
  /** As from the disk. Only where it `covers`. */
  read(endpoint: string, from: Sequence, limits: ReadLimits): ReadResult
  /** The newest rows at or after `from`, in order; nothing where the disk has to be asked. */
  newest(from: Sequence, limit: number): readonly LogRow[] | undefined
}

export interface TailSettings {
  /** The log's head at the beginning: nothing up to here is in memory. */
  readonly head: Sequence
  readonly rows: number
  readonly bytes: number
}

const bytesOf = (row: LogRow): number => rowBytes + row.body.length + (row.patch?.text.length ?? 0)

export function memoryTail(settings: TailSettings): MemoryTail {
  let rows: LogRow[] = []
  /** Rows before it left; they are cut off in one go now and then. */
  let start = 0
  let bytes = 0
  let floor = settings.head
  let head = settings.head

  const indexAfter = (from: Sequence): number => {
    let low = start
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((rows[middle]?.sequence ?? 0) > from) high = middle
      else low = middle + 1
    }
    return low
  }
  const shrink = () => {
    for (
      let row = rows[start];
      row !== undefined && (bytes > settings.bytes || rows.length - start > settings.rows);
      row = rows[++start]
    ) {
      bytes -= bytesOf(row)
      floor = row.sequence
    }
    if (start * 2 < rows.length) return
    rows = rows.slice(start)
    start = 0
  }
  function* routed(endpoint: string, from: Sequence, end: Sequence): Generator<LogRow> {
    for (let i = indexAfter(from); i < rows.length; i++) {
      const row = rows[i]
      if (row === undefined || row.sequence > end) return
      if (row.routes.some((route) => route.endpoint === endpoint)) yield row
    }
  }
  return {
    get head() {
      return head
    },
    get floor() {
      return floor
    },
    covers: (from) => from >= floor,
    push: (added) => {
      for (const row of added) {
        rows.push(row)
        bytes += bytesOf(row)
        head = row.sequence
      }
      shrink()
    },
    clear: () => {
      rows = []
      start = 0
      bytes = 0
      floor = head
    },
    read: (endpoint, from, limits) => {
      const end = Math.max(from, Math.min(limits.upTo ?? head, head))
      const taken = take(routed(endpoint, from, end), limits)
      return { ...taken, upTo: taken.complete ? end : (taken.rows.at(-1)?.sequence ?? from) }
    },
    newest: (from, limit) => {
      const first = Math.max(indexAfter(from - 1), rows.length - limit)
      return from > floor || rows.length - start >= limit ? rows.slice(first) : undefined
    },
  }
}
