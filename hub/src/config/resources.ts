/** Kinds as people write them, `services`, `deployments.apps`, `widgets.example.com/v1`, and the little that is known of built-in ones. */
import type { ResourceRef } from './model.ts'

const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
const pattern = new RegExp(
  `^(?<resource>[a-z]([-a-z0-9]{0,61}[a-z0-9])?)(\\.(?<group>${label}(\\.${label})*))?(/(?<version>[a-z]([-a-z0-9]{0,61}[a-z0-9])?))?$`,
)
const subresources = new Set(['status', 'scale', 'log', 'exec', 'ephemeralcontainers', 'token', 'eviction', 'binding'])

/** The kind, or what was expected instead of `text`. */
export function parseResource(text: string): ResourceRef | string {
  const { resource, group = '', version } = pattern.exec(text)?.groups ?? {}
  if (resource === undefined)
    return 'the plural name of a kind, with its group unless it is a core kind, like services, deployments.apps or widgets.example.com/v1'
  if (version !== undefined && subresources.has(version)) return `a kind and not its subresource '${version}'`
  const home = group === '' ? homeOf(resource) : undefined
  if (home !== undefined) return `${resource}.${home} (core kinds alone have no group)`
  return { group, resource, ...(version === undefined ? {} : { version }) }
}

const homes: Readonly<Record<string, string>> = {
  apps: 'controllerrevisions daemonsets deployments replicasets statefulsets',
  autoscaling: 'horizontalpodautoscalers',
  batch: 'cronjobs jobs',
  'discovery.k8s.io': 'endpointslices',
  'networking.k8s.io': 'ingresses ingressclasses networkpolicies',
  policy: 'poddisruptionbudgets',
  'rbac.authorization.k8s.io': 'clusterrolebindings clusterroles rolebindings roles',
  'storage.k8s.io': 'csidrivers csinodes storageclasses volumeattachments',
  'apiextensions.k8s.io': 'customresourcedefinitions',
  'scheduling.k8s.io': 'priorityclasses',
  'coordination.k8s.io': 'leases',
}

const core =
  'componentstatuses configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services'

/** Kinds that most clusters have. */
export const wellKnownKinds: readonly ResourceRef[] = Object.entries({ '': core, ...homes }).flatMap(([group, resources]) =>
  resources.split(' ').map((resource) => ({ group, resource })),
)

/** The group of a well-known kind that is not in the core group. */
const homeOf = (resource: string): string | undefined =>
  Object.entries(homes).find(([, resources]) => resources.split(' ').includes(resource))?.[0]

const clusterScoped: Readonly<Record<string, string>> = {
  '': 'componentstatuses namespaces nodes persistentvolumes',
  'admissionregistration.k8s.io':
    'mutatingwebhookconfigurations validatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings',
  'apiextensions.k8s.io': 'customresourcedefinitions',
  'apiregistration.k8s.io': 'apiservices',
  'certificates.k8s.io': 'certificatesigningrequests',
  'flowcontrol.apiserver.k8s.io': 'flowschemas prioritylevelconfigurations',
  'networking.k8s.io': 'ingressclasses ipaddresses servicecidrs',
  'node.k8s.io': 'runtimeclasses',
  'rbac.authorization.k8s.io': 'clusterrolebindings clusterroles',
  'scheduling.k8s.io': 'priorityclasses',
  'storage.k8s.io': 'csidrivers csinodes storageclasses volumeattachments',
}

/** True for built-in kinds that have no namespace. Of every other kind only the cluster knows. */
export const isClusterScoped = ({ group, resource }: ResourceRef): boolean =>
  Object.hasOwn(clusterScoped, group) && (clusterScoped[group]?.split(' ').includes(resource) ?? false)

/** Objects of this kind are namespaces: they are matched by their own name. */
export const isNamespaceKind = ({ group, resource }: ResourceRef): boolean => group === '' && resource === 'namespaces'
