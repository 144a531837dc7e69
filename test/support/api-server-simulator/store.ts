/**
 * The simulator's etcd: objects of every kind under one counter of versions, and per kind the history that watches read.
 * States are immutable; a state serializes itself once, however many lists and watches show it.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { decodeKubeObject, type KubeObject } from '@watch-hub/shared/pipeline/object'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { apiVersion, type ResourceDefinition, resourceName } from './resources.ts'
import { alreadyExists, conflict, invalid, notFound } from './status.ts'
import { Table } from './table.ts'

export type Fields = Readonly<Record<string, unknown>>

/** One state of one object; `fields` has no apiVersion and kind, for it may be served in several versions. */
export interface State {
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly version: number
  readonly fields: KubeObject
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly state: State
  /** Absent for ADDED. */
  readonly before?: State
}

export interface Backup {
  readonly version: number
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, State>>
}

export interface StoreSettings {
  /** uid of `kube-system`. */
  readonly clusterUid: string
  /** Changes that are kept per kind for watches to come. */
  readonly historyLimit: number
  /** Called after each change of the history. */
  readonly onChange: (table: Table) => void
}

export class Store {
  /** Of the newest change. */
  version = 1000
  readonly #tables = new Map<string, Table>()
  readonly #settings: StoreSettings
  #silent = false

  constructor(settings: StoreSettings) {
    this.#settings = settings
  }

  /** Its history begins now: a watch from before is expired, also where the kind was there once. */
  define(definition: ResourceDefinition): void {
    const table = new Table(definition, this.#settings.historyLimit)
    table.forget(this.version)
    this.#tables.set(resourceName(definition), table)
  }

  undefine(name: string): void {
    this.#tables.delete(name)
  }

  /** The same objects with the same history, in other versions; the preferred one first. */
  serveIn(name: string, [version, ...otherVersions]: readonly [string, ...string[]]): void {
    this.table(name).serveIn({ version, otherVersions })
  }

  get tables(): readonly Table[] {
    return [...this.#tables.values()]
  }

  /** `services`, `deployments.apps`. Throws when there is no such kind. */
  table(name: string): Table {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Error(`the simulator serves no ${name}; it has ${[...this.#tables.keys()].join(', ')}`)
    return table
  }

  tableFor({ group, version, resource }: Pick<ResourceDefinition, 'group' | 'version' | 'resource'>): Table | undefined {
    const table = this.#tables.get(resourceName({ group, resource }))
    return table?.versions.includes(version) ? table : undefined
  }

  /** Throws ApiError. `namespace` counts when the object names none. */
  create(table: Table, object: Fields, namespace = 'default'): State {
    const metadata = fieldsOf(object.metadata)
    const name = nameOf(metadata)
    const space = table.definition.namespaced ? textOr(metadata.namespace, namespace) : ''
    const key = keyOf(space, name)
    if (table.objects.has(key)) throw alreadyExists(table.definition, name)
    const given = {
      ...metadata,
      name,
      ...(space === '' ? {} : { namespace: space }),
      uid: table.isNamespaces && name === 'kube-system' ? this.#settings.clusterUid : randomUUID(),
      creationTimestamp: `${new Date().toISOString().slice(0, 19)}Z`,
      ...(isRecord(object.spec) ? { generation: 1 } : {}),
    }
    return this.#put(table, { ...object, metadata: given }, undefined)
  }

  /** Throws ApiError. What has the same content is written by nobody, as in the real one. */
  replace(table: Table, before: State, object: Fields): State {
    const metadata = fieldsOf(object.metadata)
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== String(before.version))
      throw conflict(table.definition, before.name)
    const { name, namespace, uid, creationTimestamp, generation, deletionTimestamp } = before.fields.metadata
    const fixed = defined({ name, namespace, uid, creationTimestamp, generation, deletionTimestamp })
    const next = { ...withoutType(object), metadata: { ...metadata, ...fixed, resourceVersion: String(before.version) } }
    if (isDeepStrictEqual(next, before.fields)) return before
    if (deletionTimestamp !== undefined && !hasFinalizers(metadata)) return this.#drop(table, before)
    const bumped = JSON.stringify(object.spec) !== JSON.stringify(before.fields.spec) && typeof generation === 'number'
    return this.#put(table, bumped ? { ...next, metadata: { ...next.metadata, generation: generation + 1 } } : next, before)
  }

  /** The last state, with the version of the deletion; with finalizers it is only marked. A namespace takes what is in it along. */
  remove(table: Table, before: State): State {
    if (hasFinalizers(before.fields.metadata)) {
      if (before.fields.metadata.deletionTimestamp !== undefined) return before
      const deletionTimestamp = `${new Date().toISOString().slice(0, 19)}Z`
      return this.#put(table, { ...before.fields, metadata: { ...before.fields.metadata, deletionTimestamp } }, before)
    }
    if (table.isNamespaces)
      for (const other of this.#tables.values())
        for (const state of [...other.objects.values()]) if (state.namespace === before.name) this.remove(other, state)
    return this.#drop(table, before)
  }

  /** `namespace` does not matter for cluster-scoped kinds. */
  find(table: Table, namespace: string, name: string): State | undefined {
    return table.objects.get(keyOf(table.definition.namespaced ? namespace : '', name))
  }

  /** Throws ApiError. */
  get(table: Table, namespace: string, name: string): State {
    const state = this.find(table, namespace, name)
    if (state === undefined) throw notFound(table.definition, name)
    return state
  }

  /** Runs `change` so that the objects change and no watch is told: a server whose watch cache lost something. */
  silently<T>(change: () => T): T {
    this.#silent = true
    try {
      return change()
    } finally {
      this.#silent = false
    }
  }

  /** Forgets the history: watches and continue tokens from before now are expired. */
  compact(): void {
    for (const table of this.#tables.values()) table.forget(this.version)
  }

  backup(): Backup {
    return { version: this.version, objects: new Map([...this.#tables].map(([name, table]) => [name, new Map(table.objects)])) }
  }

  /** Versions go backwards with it, as they do when etcd is restored. */
  restore(backup: Backup): void {
    this.version = backup.version
    for (const [name, table] of this.#tables) table.reset(backup.objects.get(name) ?? new Map(), backup.version)
  }

  #put(table: Table, object: Fields, before: State | undefined): State {
    const state = this.#state(object)
    table.set(state)
    this.#record(table, before === undefined ? { type: 'ADDED', state } : { type: 'MODIFIED', state, before })
    return state
  }

  #drop(table: Table, before: State): State {
    const state = this.#state(before.fields)
    table.delete(before.key)
    this.#record(table, { type: 'DELETED', state, before })
    return state
  }

  #state(object: Fields): State {
    const version = ++this.version
    const metadata = { ...fieldsOf(object.metadata), resourceVersion: String(version) }
    const fields = decodeKubeObject({ ...withoutType(object), metadata })
    const { name, namespace = '' } = fields.metadata
    return { key: keyOf(namespace, name), namespace, name, version, fields }
  }

  #record(table: Table, change: Change): void {
    if (!this.#silent) {
      table.record(change)
      this.#settings.onChange(table)
    }
  }
}

/** Sorts like the keys of etcd: by namespace, then by name. */
const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

export const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : {})
const textOr = (value: unknown, otherwise: string): string => (typeof value === 'string' && value !== '' ? value : otherwise)
const defined = (fields: Fields): Fields => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
const hasFinalizers = ({ finalizers }: Fields): boolean => Array.isArray(finalizers) && finalizers.length > 0

function nameOf({ name, generateName }: Fields): string {
  if (typeof name === 'string' && name !== '') return name
  if (typeof generateName === 'string') return `${generateName}${randomUUID().slice(0, 5)}`
  throw invalid('metadata.name: Required value: name or generateName is required')
}

function withoutType({ apiVersion: _version, kind: _kind, ...rest }: Fields): Fields {
  return rest
}

/** The whole object as a client of `version` gets it. */
export const objectOf = ({ definition }: Table, state: State, version = definition.version): KubeObject => ({
  apiVersion: apiVersion(definition.group, version),
  kind: definition.kind,
  ...state.fields,
})
