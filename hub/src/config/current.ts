/**
 * The current Snapshot: reads the source again and again, and makes what compiles the live one. One round is
 *
 *   read → (unchanged: nothing) → parse → compile → good: kept on disk, live, told | bad: shown beside the live one, which stays
 *
 * and then a wait for the poll interval, for the source's word, or for `fetchNow`; after a failure, longer each time. At the start the last
 * good config is loaded from disk and live at once, so a hub does not need its source to begin.
 * What a new Snapshot changes is up to `onSnapshot`: calls never overlap and come in the order of readings. If it throws, `done` rejects.
 */
import { backoff, jitter } from '@watch-hub/shared/runtime/backoff'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Log } from '@watch-hub/shared/runtime/log'
import { deadline, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import { createLive } from './live.ts'
import type { Snapshot } from './model.ts'
import type { ConfigSource } from './source.ts'
import type { ConfigStatus } from './status.ts'
import { type ConfigTracer, silentConfigTracer } from './tracer.ts'

export interface ConfigDeps {
  readonly source: ConfigSource
  readonly log: Log
  /** Called when the content or the commit of the live config has changed. `restored`: it was the live one before the hub ended. Awaited. */
  readonly onSnapshot: (snapshot: Snapshot, how: { readonly restored: boolean }) => void | Promise<void>
  /** @default none */
  readonly tracer?: ConfigTracer
  /** @default Date.now */
  readonly now?: () => number
}

export interface ConfigSettings {
  /** Where the last good config is kept. Absolute. */
  readonly lastGoodFile: string
  /** First and longest wait after a failure. @default 5 s, 5 min */
  readonly retry?: { readonly minMs: number; readonly maxMs: number }
}

export interface CurrentConfig extends AsyncDisposable {
  status(): ConfigStatus
  /** The live one; absent before the first good one. */
  snapshot(): Snapshot | undefined
  /** Looks at the source now; answers when what it found is live or refused. After the end: how it is. */
  fetchNow(): Promise<ConfigStatus>
  /** Rejects when the loop failed; resolves when it was disposed. */
  readonly done: Promise<void>
}

export function startConfig(deps: ConfigDeps, settings: ConfigSettings): CurrentConfig {
  const { source, log, onSnapshot, tracer = silentConfigTracer, now = Date.now } = deps
  const live = createLive({ log, onSnapshot, tracer, now, lastGoodFile: settings.lastGoodFile })
  const delays = backoff(settings.retry ?? { minMs: 5_000, maxMs: 300_000 })
  let wake = bell()
  const askers = createAskers()
  let reach: Pick<ConfigStatus, 'failing' | 'lastFetchAt'> = {}

  /** Reads once. The answer is how long to wait before the next time; undefined = until the source tells. */
  const round = async (signal: AbortSignal): Promise<number | undefined> => {
    signal.throwIfAborted()
    const begunAt = now()
    const reading = await source.read(signal)
    if (reading.kind === 'failed') {
      const wait = delays.next()
      const since = reach.failing?.since ?? now()
      reach = { ...reach, failing: { since, reason: reading.reason, nextTryAt: Math.round(now() + wait) } }
      log.warn('the config source cannot be read', { reason: reading.reason })
      return wait
    }
    delays.reset()
    reach = { lastFetchAt: now() }
    if (reading.kind === 'read') await live.take({ ...reading, begunAt }, signal)
    return source.pollMs === undefined ? undefined : jitter(source.pollMs)
  }

  const attended = async (signal: AbortSignal): Promise<number | undefined> => {
    wake = bell() // whoever rang before is answered by this round
    using _asked = askers.take()
    return await round(signal)
  }

  const pause = async (ms: number | undefined, signal: AbortSignal): Promise<void> => {
    if (ms === undefined) return wake.wait(signal)
    using limit = deadline(ms, { parent: signal })
    await wake.wait(limit.signal).catch((error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error
    })
  }

  const task = new Task(async (signal) => {
    using _answered = askers
    await using _following = source.follow?.(() => wake.ring())
    await live.restore(signal)
    for (;;) await pause(await attended(signal), signal)
  })

  const status = (): ConfigStatus => ({ ...source.about, ...live.status, ...reach })
  return {
    status,
    snapshot: () => live.snapshot,
    fetchNow: async () => {
      const answer = askers.ask()
      wake.ring()
      await answer
      return status()
    },
    done: task.done,
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

/** Those who wait for a round that begins after they asked. Disposed: nobody waits any more. */
interface Askers extends Disposable {
  ask(): Promise<void>
  /** All who asked so far; disposing answers them. */
  take(): Disposable
}

function createAskers(): Askers {
  let waiting: (() => void)[] = []
  let over = false
  const take = (): Disposable => {
    const taken = waiting
    waiting = []
    return {
      [Symbol.dispose]: () => {
        for (const answer of taken.splice(0)) answer()
      },
    }
  }
  return {
    ask: () => new Promise((resolve) => (over ? resolve() : waiting.push(resolve))),
    take,
    [Symbol.dispose]: () => {
      over = true
      take()[Symbol.dispose]()
    },
  }
}
