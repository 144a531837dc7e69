/** All open watches of the simulator: who is told of a change, and what a test does to their connections. */
import type { ServerResponse } from 'node:http'
import { after } from '@watch-hub/shared/runtime/sleep'
import type { Faults } from './faults.ts'
import { resourceName } from './resources.ts'
import type { Table } from './table.ts'
import { Watch, type WatchSettings } from './watch.ts'

export interface Watches {
  open(settings: WatchSettings, response: ServerResponse, timeoutSeconds: number | undefined): void
  /** Each watch of the kind is told soon: changes of one moment go out together. */
  changed(table: Table): void
  /** Tells now what would be told soon. */
  flush(): void
  count(resource?: string): number
  /** `mid-event`: each connection is cut in the middle of the next event. */
  cut(resource: string | undefined, when: 'now' | 'mid-event'): void
  /** Ends cleanly those in an API version that `of` accepts; without it all. */
  end(resource?: string, of?: (version: string) => boolean): void
  /** The connections stay open and silent, also those that are opened from now on. */
  stall(stalled: boolean): void
  bookmark(version: number, resource?: string): void
}

export interface WatchesSettings {
  readonly faults: Faults
  /** A watch was opened or closed. */
  readonly onCount: () => void
}

export function createWatches({ faults, onCount }: WatchesSettings): Watches {
  const open = new Set<Watch>()
  const cutting = new WeakSet<ServerResponse>()
  const waiting = new Set<Table>()
  let stalled = false
  const of = (resource: string | undefined) =>
    [...open].filter(({ settings }) => resource === undefined || resourceName(settings.table.definition) === resource)

  const write = (response: ServerResponse, text: string): void => {
    if (response.writableEnded) return // it has ended, and its connection is not closed yet
    if (cutting.has(response)) response.write(text.slice(0, Math.ceil(text.length / 2)), () => response.destroy())
    else faults.write(response, text)
  }

  const tell = () => {
    const tables = new Set(waiting)
    waiting.clear()
    for (const watch of open) if (tables.has(watch.settings.table)) watch.pump()
  }

  return {
    open: (settings, response, timeoutSeconds) => {
      const watch = new Watch(settings, { response, write: (text) => write(response, text) })
      const timer = timeoutSeconds === undefined ? undefined : after(timeoutSeconds * 1000, () => watch.end())
      watch.stalled = stalled
      open.add(watch)
      response.on('drain', () => watch.pump())
      response.on('close', () => {
        timer?.[Symbol.dispose]()
        open.delete(watch)
        onCount()
      })
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
      response.flushHeaders()
      watch.pump()
      onCount()
    },
    changed: (table) => {
      if (waiting.size === 0) queueMicrotask(tell)
      waiting.add(table)
    },
    flush: tell,
    count: (resource) => of(resource).length,
    cut: (resource, when) => {
      for (const { output } of of(resource)) {
        if (when === 'now') output.response.destroy()
        else cutting.add(output.response)
      }
    },
    end: (resource, inVersion = () => true) => {
      for (const watch of of(resource)) if (inVersion(watch.settings.version)) watch.end()
    },
    stall: (value) => {
      stalled = value
      for (const watch of open) {
        watch.stalled = value
        watch.pump()
      }
    },
    bookmark: (version, resource) => {
      for (const watch of of(resource)) watch.bookmark(version)
    },
  }
}
