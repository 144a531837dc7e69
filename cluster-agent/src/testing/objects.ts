/** Things as an API server says them, and plans as a hub does. */
import type { Plan, StreamPlan, WatchPlan } from '@watch-hub/shared/protocol/plan'

export interface ServiceOptions {
  readonly namespace?: string
  readonly uid?: string
  readonly version?: number | string
  readonly labels?: Readonly<Record<string, string>>
  readonly type?: string
}

export const service = (name: string, options: ServiceOptions = {}) => {
  const { namespace = 'default', uid = `uid-${name}`, version = 1, labels, type = 'ClusterIP' } = options
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, uid, resourceVersion: String(version), ...(labels === undefined ? {} : { labels }) },
    spec: { type },
  }
}

export const namespace = (name: string, labels: Readonly<Record<string, string>> = {}, version: number | string = 1) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, uid: `uid-${name}`, resourceVersion: String(version), labels },
})

export const added = (object: unknown) => ({ type: 'ADDED', object })
export const modified = (object: unknown) => ({ type: 'MODIFIED', object })
export const deleted = (object: unknown) => ({ type: 'DELETED', object })
export const bookmark = (version: number | string) => ({
  type: 'BOOKMARK',
  object: { kind: 'Service', apiVersion: 'v1', metadata: { resourceVersion: String(version) } },
})
export const status = (code: number, reason: string, details?: unknown) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  code,
  reason,
  message: `${reason} (told by the test)`,
  ...(details === undefined ? {} : { details }),
})
export const error = (code: number, reason: string) => ({ type: 'ERROR', object: status(code, reason) })

export interface ListOptions {
  readonly version?: number | string
  readonly more?: string
  readonly remaining?: number
}

/** As real servers answer: items without kind and apiVersion. */
export const list = (
  items: readonly Readonly<Record<string, unknown>>[],
  { version = 100, more, remaining }: ListOptions = {},
) => ({
  kind: 'ServiceList',
  apiVersion: 'v1',
  metadata: {
    resourceVersion: String(version),
    ...(more === undefined ? {} : { continue: more }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  },
  items: items.map(({ kind: _kind, apiVersion: _version, ...item }) => item),
})

const verbs = ['create', 'delete', 'get', 'list', 'watch']
export const coreResources = {
  kind: 'APIResourceList',
  groupVersion: 'v1',
  resources: [
    { name: 'services', singularName: '', namespaced: true, kind: 'Service', verbs },
    { name: 'services/status', singularName: '', namespaced: true, kind: 'Service', verbs: ['get'] },
    { name: 'configmaps', singularName: '', namespaced: true, kind: 'ConfigMap', verbs },
    { name: 'secrets', singularName: '', namespaced: true, kind: 'Secret', verbs },
    { name: 'namespaces', singularName: '', namespaced: false, kind: 'Namespace', verbs },
    { name: 'bindings', singularName: '', namespaced: true, kind: 'Binding', verbs: ['create'] },
  ],
}

export const watchPlan = (name: string, more: Partial<WatchPlan> = {}): WatchPlan => ({
  name,
  definition: `definition of ${name}`,
  namespaces: { include: [], exclude: [] },
  ...more,
})

export const streamPlan = (id: string, more: Partial<StreamPlan> = {}): StreamPlan => ({
  id,
  group: '',
  resource: 'services',
  includeSecretData: false,
  projection: { keep: [], prune: [] },
  watches: [watchPlan('web')],
  ...more,
})

export const plan = (hash: string, streams: readonly StreamPlan[], more: Partial<Plan> = {}): Plan => ({
  hash,
  cluster: { name: 'prod', labels: {} },
  paused: false,
  streams,
  ...more,
})
