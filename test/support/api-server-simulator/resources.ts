/** The kinds that the simulator serves, and how a request's path names them. */
import { resourceName } from '@watch-hub/shared/protocol/plan'

export interface ResourceDefinition {
  /** "" = core. */
  readonly group: string
  /** The version that the server prefers. */
  readonly version: string
  /** Further versions in which the same objects are served. */
  readonly otherVersions?: readonly string[]
  readonly kind: string
  /** Plural, `widgets`. */
  readonly resource: string
  readonly namespaced: boolean
  /** A kind of a CRD: its list items carry `apiVersion` and `kind`, those of built-in kinds do not. @default true */
  readonly custom?: boolean
}

const core = (kind: string, resource: string, namespaced = true): ResourceDefinition => ({
  group: '',
  version: 'v1',
  kind,
  resource,
  namespaced,
  custom: false,
})

export const builtIn: readonly ResourceDefinition[] = [
  core('Namespace', 'namespaces', false),
  core('Node', 'nodes', false),
  core('Service', 'services'),
  core('Pod', 'pods'),
  core('ConfigMap', 'configmaps'),
  core('Secret', 'secrets'),
  core('Event', 'events'),
  { ...core('Deployment', 'deployments'), group: 'apps' },
  { ...core('ReplicaSet', 'replicasets'), group: 'apps' },
  { ...core('Job', 'jobs'), group: 'batch' },
  { ...core('Ingress', 'ingresses'), group: 'networking.k8s.io' },
]

export const versionsOf = (of: ResourceDefinition): readonly string[] => [of.version, ...(of.otherVersions ?? [])]
export const apiVersion = (group: string, version: string): string => (group === '' ? version : `${group}/${version}`)
export { resourceName }

/** What a path below `/api/v1` or `/apis/GROUP/VERSION` asks for. */
export interface Target {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

/** undefined: not the path of a resource. */
export function parseTarget(path: string): Target | undefined {
  const [root, ...parts] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined
  const version = parts.shift()
  if (group === undefined || version === undefined || parts.length === 0) return undefined
  const [first, namespace, second] = parts
  const inNamespace = first === 'namespaces' && namespace !== undefined && second !== undefined && !namespaceParts.has(second)
  const [resource = '', name, subresource] = inNamespace ? parts.slice(2) : parts
  return {
    group,
    version,
    resource,
    ...(inNamespace ? { namespace } : {}),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  }
}

/** Parts of the namespace object itself; anything else below a namespace is a kind in it. */
const namespaceParts = new Set(['status', 'finalize'])
