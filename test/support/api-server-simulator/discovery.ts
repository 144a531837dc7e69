/** What the server says about itself and its kinds; computed when asked, since kinds come and go. */
import { apiVersion, type ResourceDefinition, versionsOf } from './resources.ts'

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const singular = ({ kind }: ResourceDefinition): string => kind.toLowerCase()

/** `v1.31.0` */
export function versionInfo(gitVersion: string) {
  const [major = '1', minor = '0'] = gitVersion.slice(1).split('.')
  return { major, minor, gitVersion, gitCommit: 'simulated', gitTreeState: 'clean', platform: 'linux/amd64' }
}

export const coreVersions = { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }

export const groupList = (definitions: readonly ResourceDefinition[]) => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: groupsOf(definitions).map((group) => groupBody(definitions, group)),
})

/** undefined: no such group. */
export function groupDocument(definitions: readonly ResourceDefinition[], group: string) {
  if (!groupsOf(definitions).includes(group)) return undefined
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(definitions, group) }
}

/** undefined: no such group and version. */
export function resourceList(definitions: readonly ResourceDefinition[], group: string, version: string) {
  const served = servedIn(definitions, group, version)
  if (served.length === 0) return undefined
  const resources = served.map((of) => ({
    name: of.resource,
    singularName: singular(of),
    namespaced: of.namespaced,
    kind: of.kind,
    verbs,
  }))
  const status = served.map((of) => ({
    name: `${of.resource}/status`,
    singularName: '',
    namespaced: of.namespaced,
    kind: of.kind,
    verbs: ['get', 'patch', 'update'],
  }))
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersion(group, version),
    resources: [...resources, ...status],
  }
}

export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

export const wantsAggregated = (accept: string | undefined): boolean =>
  accept !== undefined && /g=apidiscovery\.k8s\.io/.test(accept) && /v=v2(?![0-9a-z])/.test(accept)

/** Everything below `/api` (core) or `/apis` in one document. */
export const aggregated = (definitions: readonly ResourceDefinition[], core: boolean) => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  metadata: {},
  items: (core ? [''] : groupsOf(definitions)).map((group) => ({
    metadata: { name: group, creationTimestamp: null },
    versions: groupVersions(definitions, group).map((version) => ({
      version,
      freshness: 'Current',
      resources: servedIn(definitions, group, version).map((of) => ({
        resource: of.resource,
        responseKind: { group, version, kind: of.kind },
        scope: of.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: singular(of),
        verbs,
        subresources: [
          { subresource: 'status', responseKind: { group, version, kind: of.kind }, verbs: ['get', 'patch', 'update'] },
        ],
      })),
    })),
  })),
})

const groupsOf = (definitions: readonly ResourceDefinition[]): readonly string[] =>
  [...new Set(definitions.map(({ group }) => group))].filter((group) => group !== '')

/** The preferred one of the group's first kind comes first. */
const groupVersions = (definitions: readonly ResourceDefinition[], group: string): readonly string[] => [
  ...new Set(definitions.filter((of) => of.group === group).flatMap(versionsOf)),
]

const servedIn = (definitions: readonly ResourceDefinition[], group: string, version: string): readonly ResourceDefinition[] =>
  definitions.filter((of) => of.group === group && versionsOf(of).includes(version))

function groupBody(definitions: readonly ResourceDefinition[], group: string) {
  const versions = groupVersions(definitions, group).map((version) => ({ groupVersion: apiVersion(group, version), version }))
  return { name: group, versions, preferredVersion: versions[0] }
}
