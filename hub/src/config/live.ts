/**
 * The live config: what of all that was read runs now, and what people are told about the rest. Only what compiles goes live (law 7); it is
 * kept on disk first, so that a hub which ends right after starts with it.
 */
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { commitContext } from './commit-context.ts'
import { compile } from './compile.ts'
import { type LastGood, loadLastGood, saveLastGood } from './last-good.ts'
import { type ConfigProblem, formatProblem, type Snapshot } from './model.ts'
import { createParser } from './parse.ts'
import type { Reading } from './source.ts'
import type { ConfigStatus } from './status.ts'
import type { CommitStep, ConfigTracer } from './tracer.ts'

export interface LiveDeps {
  readonly log: Log
  /** See `ConfigDeps`. */
  readonly onSnapshot: (snapshot: Snapshot, how: { readonly restored: boolean }) => void | Promise<void>
  readonly tracer: ConfigTracer
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
  take(reading: FreshReading, signal: AbortSignal): Promise<void>
}

/** `begunAt`: when it began to be read, ms. */
export type FreshReading = Extract<Reading, { kind: 'read' }> & { readonly begunAt: number }

export function createLive({ log, onSnapshot, tracer, now, lastGoodFile }: LiveDeps): Live {
  const parser = createParser()
  let snapshot: Snapshot | undefined
  let status: Live['status'] = {}

  /** False = it was live already. */
  const goLive = async (next: Snapshot, restored: boolean): Promise<boolean> => {
    if (snapshot?.hash === next.hash && snapshot.commit === next.commit) {
      status = status.live === undefined ? {} : { live: status.live }
      return false
    }
    snapshot = next
    status = { live: { commit: next.commit, hash: next.hash, since: now() } }
    log.info('config is live', { commit: next.commit, hash: next.hash, ...traceOf(next.commit) })
    await onSnapshot(next, { restored })
    return true
  }

  const reject = (commit: string, problems: readonly ConfigProblem[]): void => {
    status = { ...status, rejected: { commit, at: now(), problems } }
    log.warn('config is refused; the last good one stays live', { commit, problems: firstOf(problems), ...traceOf(commit) })
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
      if (before !== undefined) await goLive(before, true)
    },
    async take({ commit, files, problems, begunAt }, signal) {
      const steps = stepsFrom(begunAt, now)
      steps.over('fetch')
      const parsed = await parser.parse(files, signal)
      steps.over('verify', parsed.problems.length)
      const compiled = compile({ commit, parsed, unread: problems })
      steps.over('compile', compiled.ok ? 0 : compiled.problems.length)
      if (!compiled.ok) {
        reject(commit, compiled.problems)
        for (const step of steps.all(compiled.problems.length)) tracer.step({ commit, ...step })
        return
      }
      await save({ commit, files })
      const isNew = await goLive(compiled.snapshot, false)
      steps.over('activate')
      if (isNew) for (const step of steps.all()) tracer.step({ commit, ...step })
    },
  }
}

const traceOf = (commit: string) => {
  const { traceId, spanId } = commitContext(commit)
  return { trace_id: traceId, span_id: spanId }
}

type Step = Omit<CommitStep, 'commit'>

/** One step after the other; at last the whole. */
function stepsFrom(start: number, now: () => number) {
  const done: Step[] = []
  let from = start
  return {
    over(step: Step['step'], problems = 0): void {
      const end = now()
      done.push({ step, start: from, end, problems })
      from = end
    },
    all: (problems = 0): readonly Step[] => [...done, { step: 'commit', start, end: from, problems }],
  }
}

/** All of them are in the status; the log gets some. */
const firstOf = (problems: readonly ConfigProblem[]): readonly string[] => problems.slice(0, 20).map(formatProblem)
