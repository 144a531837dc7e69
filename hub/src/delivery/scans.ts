/**
 * The scans of one endpoint, one chunk at a time. A chunk is read at some head of the log and is sent when the cursor reaches that head and
 * before it passes: what it says is then exactly as new as everything that was sent before it.
 */
import { moment } from '@watch-hub/shared/runtime/moment'
import type { EndpointStanding, Scan, ScanChunk, Store } from '../store/store.ts'

export interface HeldChunk {
  readonly scan: Scan
  readonly chunk: ScanChunk
}

export interface Scans {
  /** As far as they were sent. */
  readonly all: readonly Scan[]
  /** The chunk that was read and not yet sent: the cursor must not pass it. */
  readonly held: HeldChunk | undefined
  /** Scans may have come or gone, or need not wait any more: asks the store before the next chunk, and lets go of the held one. */
  look(): void
  /** Asks the store, if it has to be asked: what is in doubt since then is known before anything else is told. */
  refresh(): Promise<void>
  /** The held chunk, or else the next one; nothing when no scan can go on now. */
  next(): Promise<HeldChunk | undefined>
  /** The held chunk was frozen: `objects` of it are on their way. */
  sent(objects: number): void
}

export interface ScansDeps {
  readonly store: Pick<Store, 'standing' | 'readScan'>
  readonly limits: () => { readonly rows: number; readonly bytes: number }
  /** What the store said when it was asked for scans: one that began can mean that the endpoint lost something. */
  readonly onState: (state: EndpointStanding) => void
}

export function createScans(endpoint: string, { store, limits, onState }: ScansDeps): Scans {
  let all: readonly Scan[] = []
  let known = false
  let held: HeldChunk | undefined
  const refresh = async (): Promise<void> => {
    if (known) return
    known = true
    const state = await store.standing(endpoint)
    all = state.scans
    onState(state)
  }
  return {
    get all() {
      return all
    },
    get held() {
      return held
    },
    look() {
      known = false
      held = undefined
    },
    refresh,
    async next() {
      await refresh()
      const scan = all.find(({ waiting }) => !waiting)
      if (scan === undefined) return undefined
      if (held !== undefined) return held
      held = { scan, chunk: await store.readScan(scan.id, limits()) }
      moment('scan-chunk-read')
      return held
    },
    sent(objects) {
      if (held === undefined) return
      const { scan, chunk } = held
      held = undefined
      const now = { ...scan, sent: scan.sent + objects }
      all = all.flatMap((each) => (each.id !== scan.id ? [each] : chunk.done ? [] : [now]))
      if (chunk.waiting) known = false // what it waits for may have come before it was written down that it waits
    },
  }
}
