/**
 * The live config: what of all that was read runs now, and what people are told about the rest. Only what compiles goes live (law 7); it is
 * kept on disk first, so that a hub which ends right after starts with it.
 */
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { compile } from './compile.ts'
import { type LastGood, loadLastGood, saveLastGood } from './last-good.ts'
import { type ConfigProblem, formatProblem, type Snapshot } from './model.ts'
import { createParser } from './parse.ts'
import type { Reading } from './source.ts'
import type { ConfigStatus } from './status.ts'

export interface LiveDeps {
  readonly log: Log
  /** Called when the content or the commit of the live config has changed. Awaited. */
  readonly onSnapshot: (snapshot: Snapshot) => void | Promise<void>
  readonly now: () => number
  /** Where the last good config is kept. */
  readonly lastGoodFile: string
}

export interface Live {
  readonly snapshot: Snapshot | undefined
  readonly status: Pick<ConfigStatus, 'live' | 'rejected'>
  /** Makes the last good config on disk the live one, if there is one. */
  restore(signal: AbortSignal): Promise<void>
  /** Makes a reading the live config, or says why not. Throws what `onSnapshot` throws. */
  take(reading: Extract<Reading, { kind: 'read' }>, signal: AbortSignal): Promise<void>
}

export function createLive({ log, onSnapshot, now, lastGoodFile }: LiveDeps): Live {
  const parser = createParser()
  let snapshot: Snapshot | undefined
  let status: Live['status'] = {}

  const goLive = async (next: Snapshot): Promise<void> => {
    if (snapshot?.hash === next.hash && snapshot.commit === next.commit) {
      status = status.live === undefined ? {} : { live: status.live }
      return
    }
    snapshot = next
    status = { live: { commit: next.commit, hash: next.hash, since: now() } }
    log.info('config is live', { commit: next.commit, hash: next.hash })
    await onSnapshot(next)
  }

  const reject = (commit: string, problems: readonly ConfigProblem[]): void => {
    status = { ...status, rejected: { commit, at: now(), problems } }
    log.warn('config is refused; the last good one stays live', { commit, problems: firstOf(problems) })
  }

  const save = async (good: LastGood): Promise<void> => {
    try {
      await saveLastGood(lastGoodFile, good)
    } catch (error) {
      log.error('the config cannot be kept on disk: after a restart the hub needs its source', { file: lastGoodFile, error })
    }
  }

  const load = async (signal: AbortSignal): Promise<Snapshot | undefined> => {
    let good: LastGood | undefined
    try {
      good = await loadLastGood(lastGoodFile)
    } catch (error) {
      log.warn('the last good config on disk cannot be read', { file: lastGoodFile, reason: describeError(error) })
    }
    if (good === undefined) return undefined
    const compiled = compile({ commit: good.commit, parsed: await parser.parse(good.files, signal) })
    if (compiled.ok) return compiled.snapshot
    log.warn('the last good config on disk is refused by this version', { problems: firstOf(compiled.problems) })
    return undefined
  }

  return {
    get snapshot() {
      return snapshot
    },
    get status() {
      return status
    },
    async restore(signal) {
      const before = await load(signal)
      if (before !== undefined) await goLive(before)
    },
    async take({ commit, files, problems }, signal) {
      const compiled = compile({ commit, parsed: await parser.parse(files, signal), unread: problems })
      if (!compiled.ok) return reject(commit, compiled.problems)
      await save({ commit, files })
      await goLive(compiled.snapshot)
    },
  }
}

/** All of them are in the status; the log gets some. */
const firstOf = (problems: readonly ConfigProblem[]): readonly string[] => problems.slice(0, 20).map(formatProblem)
