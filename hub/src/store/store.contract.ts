/** What every store promises, as tests. Each part is about one promise; a store runs them all. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'node:test'
import type { Link } from './link/link.ts'
import type { Store } from './store.ts'
import { activationFacts } from './testing/facts/activation.ts'
import { agentFacts } from './testing/facts/agents.ts'
import { appendFacts } from './testing/facts/append.ts'
import { attemptFacts } from './testing/facts/attempts.ts'
import { compactionFacts } from './testing/facts/compaction.ts'
import { comparisonFacts } from './testing/facts/comparisons.ts'
import { deadLetterFacts } from './testing/facts/dead-letters.ts'
import { dropFacts } from './testing/facts/drops.ts'
import { endpointFacts } from './testing/facts/endpoints.ts'
import { heirFacts } from './testing/facts/heirs.ts'
import { markerFacts } from './testing/facts/markers.ts'
import { nameFacts } from './testing/facts/names.ts'
import { parkingFacts } from './testing/facts/parking.ts'
import { patchFacts } from './testing/facts/patches.ts'
import { readFacts } from './testing/facts/reads.ts'
import { removalFacts } from './testing/facts/removals.ts'
import { replayFacts } from './testing/facts/replays.ts'
import { resyncFacts } from './testing/facts/resyncs.ts'
import { retentionFacts } from './testing/facts/retention.ts'
import { scanFacts } from './testing/facts/scans.ts'
import { storyFacts } from './testing/facts/stories.ts'
import { survivalFacts } from './testing/facts/survival.ts'
import { traceFacts } from './testing/facts/traces.ts'

export interface OpenedStore {
  readonly store: Store
  /** The way to its engine, for what the seam does not show. */
  readonly link: Link
  /** Ends it as a crash would: nothing is flushed, nothing is closed. */
  kill(): Promise<void>
}

/** Opens the store that is kept in a folder; a second time, what the first one left. */
export type OpenStore = (dir: string) => Promise<OpenedStore>

export interface Lab extends AsyncDisposable {
  /** Opens the same store, again. */
  open(): Promise<OpenedStore>
}

export function storeContract(name: string, open: OpenStore): void {
  const lab = async (): Promise<Lab> => {
    const scope = new AsyncDisposableStack()
    const dir = await mkdtemp(join(tmpdir(), 'watch-hub-store-'))
    scope.defer(() => rm(dir, { recursive: true }))
    return {
      open: async () => {
        const opened = await open(dir)
        scope.use(opened.store)
        return opened
      },
      [Symbol.asyncDispose]: () => scope.disposeAsync(),
    }
  }
  describe(name, { concurrency: 4 }, () => {
    appendFacts(lab)
    activationFacts(lab)
    heirFacts(lab)
    nameFacts(lab)
    comparisonFacts(lab)
    scanFacts(lab)
    resyncFacts(lab)
    markerFacts(lab)
    dropFacts(lab)
    endpointFacts(lab)
    parkingFacts(lab)
    deadLetterFacts(lab)
    removalFacts(lab)
    replayFacts(lab)
    attemptFacts(lab)
    storyFacts(lab)
    patchFacts(lab)
    readFacts(lab)
    retentionFacts(lab)
    compactionFacts(lab)
    agentFacts(lab)
    survivalFacts(lab)
    traceFacts(lab)
  })
}

export type MakeLab = () => Promise<Lab>
