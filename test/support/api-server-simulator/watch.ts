/**
 * One open watch. It pulls: what happened waits in the kind's history, is written while the connection takes it, and when the history was
 * compacted before it was written, the watch ends with an ERROR event. So a slow reader costs no memory.
 */
import type { ServerResponse } from 'node:http'
import { apiVersion } from './resources.ts'
import type { Selects } from './selection.ts'
import { type ApiError, expiredVersion, statusOf } from './status.ts'
import type { Change, State } from './store.ts'
import type { Table } from './table.ts'

/** Where to write; the faults of the simulator sit behind it. */
export interface WatchOutput {
  readonly response: ServerResponse
  write(text: string): void
}

export interface WatchSettings {
  readonly table: Table
  readonly version: string
  readonly selects: Selects | undefined
  readonly bookmarks: boolean
  /** The version that the client has seen. */
  readonly from: number
  /** Objects that are told as ADDED before anything else; `version` is that of the whole. */
  readonly initial?: { readonly states: readonly State[]; readonly version: number; readonly endBookmark: boolean }
}

/** Events go out together up to about this many characters. */
const chunk = 64 * 1024

export class Watch {
  readonly settings: WatchSettings
  readonly output: WatchOutput
  /** True: nothing is written any more, and the connection stays open. */
  stalled = false
  readonly #initial: readonly State[]
  #told = 0
  #next: number
  #seen: number
  #announced: boolean
  #over = false

  constructor(settings: WatchSettings, output: WatchOutput) {
    this.settings = settings
    this.output = output
    this.#initial = settings.initial?.states ?? []
    this.#seen = settings.initial?.version ?? settings.from
    this.#next = settings.table.after(this.#seen)
    this.#announced = settings.initial?.endBookmark !== true
  }

  /** Writes what there is to write, as far as the connection takes it. */
  pump(): void {
    const { response } = this.output
    if (this.#over) this.end()
    while (!this.stalled && !response.writableEnded && !response.destroyed && !response.writableNeedDrain) {
      const text = this.#batch()
      if (text !== '') this.output.write(text)
      else if (this.#isBehind()) this.fail(expiredVersion(this.#seen, this.settings.table.oldest))
      else return
    }
  }

  /** Tells the client the newest version, if it wants bookmarks and has everything else. */
  bookmark(version: number): void {
    this.pump()
    if (!this.settings.bookmarks || this.stalled || !this.#upToDate()) return
    this.#seen = Math.max(this.#seen, version)
    this.output.write(this.#bookmarkLine(this.#seen, {}))
  }

  /** Ends with an ERROR event. */
  fail(error: ApiError): void {
    this.output.write(eventLine('ERROR', JSON.stringify(statusOf(error))))
    this.end()
  }

  /** The clean end, as when `timeoutSeconds` is over. Of a stalled one nobody learns before it goes on. */
  end(): void {
    this.#over = true
    if (!this.stalled) this.output.response.end()
  }

  #upToDate(): boolean {
    return this.#told === this.#initial.length && this.#next >= this.settings.table.end
  }

  /** True: what comes next for this watch was compacted away. */
  #isBehind(): boolean {
    return this.#told === this.#initial.length && this.#announced && this.settings.table.change(this.#next) === 'forgotten'
  }

  #batch(): string {
    let text = ''
    while (text.length < chunk) {
      const line = this.#line()
      if (line === undefined) break
      text += line
    }
    return text
  }

  /** The next line; "" for a change that this watch does not see. */
  #line(): string | undefined {
    const { table, version, initial } = this.settings
    const state = this.#initial[this.#told]
    if (state !== undefined) {
      this.#told++
      return eventLine('ADDED', table.json(state, version))
    }
    if (!this.#announced) {
      this.#announced = true
      return this.#bookmarkLine(initial?.version ?? 0, { 'k8s.io/initial-events-end': 'true' })
    }
    const change = table.change(this.#next)
    if (change === undefined || change === 'forgotten') return undefined
    this.#next++
    if (change.state.version <= this.#seen) return '' // after a restored backup versions can be older than what the client claims to have seen
    this.#seen = change.state.version
    const type = typeFor(change, this.settings.selects)
    return type === undefined ? '' : eventLine(type, table.json(change.state, version))
  }

  #bookmarkLine(resourceVersion: number, annotations: Readonly<Record<string, string>>): string {
    const { definition } = this.settings.table
    const metadata = {
      resourceVersion: String(resourceVersion),
      creationTimestamp: null,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    }
    const object = { kind: definition.kind, apiVersion: apiVersion(definition.group, this.settings.version), metadata }
    return eventLine('BOOKMARK', JSON.stringify(object))
  }
}

const eventLine = (type: string, object: string): string => `{"type":"${type}","object":${object}}\n`

/** An object that enters or leaves a selection is ADDED or DELETED for those who asked for the selection. */
function typeFor({ type, state, before }: Change, selects: Selects | undefined): Change['type'] | undefined {
  if (selects === undefined) return type
  const was = before !== undefined && selects(before)
  const is = type !== 'DELETED' && selects(state)
  if (was) return is ? 'MODIFIED' : 'DELETED'
  return is ? 'ADDED' : undefined
}
