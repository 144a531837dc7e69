/** Manifests from a plain folder, watched: for local work, and for mounted ConfigMaps. */

import type { Log } from '@watch-hub/shared/runtime/log'
import { after } from '@watch-hub/shared/runtime/sleep'
import { readFolder } from './folder.ts'
import { watchFolder } from './folder-watch.ts'
import type { ConfigSource } from './source.ts'

export interface DirSourceSettings {
  /** Absolute. */
  readonly folder: string
  /** How long nothing may change before it is worth to read. @default 200 ms */
  readonly quietMs?: number
}

/** Changes without a pause are told after this many quiet times. */
const patience = 10

export function dirSource({ log }: { readonly log: Log }, { folder, quietMs = 200 }: DirSourceSettings): ConfigSource {
  let last: string | undefined
  return {
    about: { source: folder },
    async read(signal) {
      const reading = await readFolder(folder, signal)
      if (reading.kind === 'failed') return reading
      if (reading.commit === last) return { kind: 'unchanged' }
      last = reading.commit
      return reading
    },
    follow(changed) {
      const settle = settled(changed, quietMs)
      const watch = watchFolder({
        folder,
        onChange: settle.ring,
        onError: (error) => log.warn('watching the config folder failed; changes may be missed', { folder, error }),
        ignored: (path) => /[\\/]\.git([\\/]|$)/.test(path.slice(folder.length)),
      })
      void watch.ready.then(changed) // what changed before the watch was ready is not told
      return {
        async [Symbol.asyncDispose]() {
          await watch[Symbol.asyncDispose]()
          settle[Symbol.dispose]()
        },
      }
    },
  }
}

/** Calls `run` once per burst of rings: when it has been quiet, or has not been for long. */
function settled(run: () => void, quietMs: number) {
  let timer: Disposable | undefined
  let latest = Number.POSITIVE_INFINITY
  const stop = () => {
    timer?.[Symbol.dispose]()
    timer = undefined
  }
  return {
    ring: () => {
      const now = performance.now()
      if (timer === undefined) latest = now + quietMs * patience
      stop()
      timer = after(Math.max(0, Math.min(quietMs, latest - now)), () => {
        timer = undefined
        run()
      })
    },
    [Symbol.dispose]: stop,
  }
}
