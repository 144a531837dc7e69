/** The objects as tests and the demo change them: without HTTP, but by the same rules. */
import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import { mergePatch } from './objects.ts'
import { type Fields, fieldsOf, objectOf, type State, type Store } from './store.ts'
import type { Table } from './table.ts'

/** `namespace/name`, or `name` for cluster-scoped kinds. */
type ObjectRef = string

/** Kinds are named as in `services`, `deployments.apps`. Objects come back whole, with apiVersion and kind. What is refused throws ApiError. */
export interface Driver {
  /** A namespace that does not exist is created first; without one it is `default`. */
  create(resource: string, object: Fields): KubeObject
  /** Replaces the object by what `change` makes of it. */
  update(resource: string, ref: ObjectRef, change: (object: KubeObject) => Fields): KubeObject
  /** RFC 7396. */
  patch(resource: string, ref: ObjectRef, patch: Fields): KubeObject
  /** A namespace takes its objects along. */
  delete(resource: string, ref: ObjectRef): KubeObject
  get(resource: string, ref: ObjectRef): KubeObject | undefined
  list(resource: string, namespace?: string): readonly KubeObject[]
  count(resource: string): number
  /** Runs `change` without telling any watch: a server whose cache lost something. */
  silently<T>(change: () => T): T
}

export function drive(store: Store): Driver {
  const locate = (resource: string, ref: ObjectRef): [table: Table, state: State] => {
    const table = store.table(resource)
    return [table, store.get(table, ...namesIn(ref))]
  }
  const create: Driver['create'] = (resource, object) => {
    const table = store.table(resource)
    const { namespace = 'default' } = fieldsOf(object.metadata)
    const namespaces = store.table('namespaces')
    if (table.definition.namespaced && !namespaces.objects.has(`/${String(namespace)}`))
      store.create(namespaces, { metadata: { name: namespace } })
    return objectOf(table, store.create(table, object))
  }
  const update: Driver['update'] = (resource, ref, change) => {
    const [table, state] = locate(resource, ref)
    return objectOf(table, store.replace(table, state, change(objectOf(table, state))))
  }
  return {
    create,
    update,
    patch: (resource, ref, patch) => update(resource, ref, (object) => fieldsOf(mergePatch(object, patch))),
    delete: (resource, ref) => {
      const [table, state] = locate(resource, ref)
      return objectOf(table, store.remove(table, state))
    },
    get: (resource, ref) => {
      const table = store.table(resource)
      const state = store.find(table, ...namesIn(ref))
      return state === undefined ? undefined : objectOf(table, state)
    },
    list: (resource, namespace) => {
      const table = store.table(resource)
      return table
        .snapshot()
        .filter((state) => namespace === undefined || state.namespace === namespace)
        .map((state) => objectOf(table, state))
    },
    count: (resource) => store.table(resource).objects.size,
    silently: (change) => store.silently(change),
  }
}

function namesIn(ref: ObjectRef): [namespace: string, name: string] {
  const [name = '', namespace = 'default'] = ref.split('/').toReversed()
  return [namespace, name]
}
