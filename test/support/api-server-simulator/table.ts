/** One kind: its objects, its history, and their JSON, which is made once per state. */
import { apiVersion, type ResourceDefinition, versionsOf } from './resources.ts'
import type { Change, State } from './store.ts'

/** JSON of a state without the brace in front, apiVersion and kind: `"metadata":{…},"spec":…}`. */
const tails = new WeakMap<State, string>()

function tailOf(state: State): string {
  const known = tails.get(state)
  if (known !== undefined) return known
  const tail = JSON.stringify(state.fields).slice(1)
  tails.set(state, tail)
  return tail
}

export class Table {
  definition: ResourceDefinition
  versions: readonly string[]
  readonly isNamespaces: boolean
  /** By `namespace/name`. */
  readonly objects = new Map<string, State>()
  readonly #limit: number
  #history: Change[] = []
  /** Number of the first change that is still there; they count from 0 and never start anew. */
  #first = 0
  #oldest = 0
  #sorted: readonly State[] | undefined

  constructor(definition: ResourceDefinition, historyLimit: number) {
    this.definition = definition
    this.versions = versionsOf(definition)
    this.isNamespaces = definition.group === '' && definition.resource === 'namespaces'
    this.#limit = historyLimit
  }

  serveIn(versions: Required<Pick<ResourceDefinition, 'version' | 'otherVersions'>>): void {
    this.definition = { ...this.definition, ...versions }
    this.versions = versionsOf(this.definition)
  }

  set(state: State): void {
    this.objects.set(state.key, state)
    this.#sorted = undefined
  }

  delete(key: string): void {
    this.objects.delete(key)
    this.#sorted = undefined
  }

  /** All objects as of now, in the order of lists. */
  snapshot(): readonly State[] {
    this.#sorted ??= [...this.objects.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
    return this.#sorted
  }

  record(change: Change): void {
    this.#history.push(change)
    if (this.#history.length <= this.#limit * 2) return
    const gone = this.#history.splice(0, this.#history.length - this.#limit)
    this.#first += gone.length
    this.#oldest = gone.at(-1)?.state.version ?? this.#oldest
  }

  /** A watch from an older version than this is expired. */
  get oldest(): number {
    return this.#oldest
  }

  /** Number of the change that comes next. */
  get end(): number {
    return this.#first + this.#history.length
  }

  /** undefined: not there yet. 'forgotten': it was there once. */
  change(number: number): Change | 'forgotten' | undefined {
    return number < this.#first ? 'forgotten' : this.#history[number - this.#first]
  }

  /** Number of the first change after `version`. */
  after(version: number): number {
    let low = 0
    let high = this.#history.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#history[middle]?.state.version ?? 0) <= version) low = middle + 1
      else high = middle
    }
    return this.#first + low
  }

  /** Drops the history up to `version`, which is the newest. */
  forget(version: number): void {
    this.#first = this.end
    this.#history = []
    this.#oldest = version
  }

  reset(objects: ReadonlyMap<string, State>, version: number): void {
    this.objects.clear()
    for (const state of objects.values()) this.set(state)
    this.#sorted = undefined
    this.forget(version)
  }

  /** As an item of a list: the built-in kinds leave out what the list says already. */
  itemJson(state: State, version: string): string {
    return this.definition.custom === false ? `{${tailOf(state)}` : this.json(state, version)
  }

  json(state: State, version: string): string {
    return `{"kind":"${this.definition.kind}","apiVersion":"${apiVersion(this.definition.group, version)}",${tailOf(state)}`
  }
}
