/**
 * Kinds as people type them to kubectl: `service`, `services`, `Deployment`, `deployments.apps`, `svc`. What is typed is one of the kinds that are
 * known here or that most clusters have, or a whole name with its group.
 */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { Snapshot } from './model.ts'
import { nearest } from './nearest.ts'
import { parseResource, wellKnownKinds } from './resources.ts'

export interface KindName {
  readonly group: string
  /** Plural name. */
  readonly resource: string
  /** As objects say it, `Service`, where that is known: a plural does not always tell. */
  readonly kind?: string
}

export type ResolvedKind =
  | { readonly kind: 'found'; readonly found: KindName }
  /** `deployments.apps`, … */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly string[] }
  /** `nearest`: what was probably meant. */
  | { readonly kind: 'unknown'; readonly nearest?: string }

/** All that watches name. */
export const kindsOf = ({ watches }: Pick<Snapshot, 'watches'>): readonly KindName[] => [
  ...new Map([...watches.values()].flatMap(({ resources }) => resources).map((ref) => [resourceName(ref), ref])).values(),
]

/** Kinds that are `known` win over others. */
export function resolveKind(typed: string, known: readonly KindName[]): ResolvedKind {
  const text = typed.toLowerCase()
  for (const kinds of [known, wellKnownKinds]) {
    const exact = kinds.find((each) => resourceName(each) === text)
    if (exact !== undefined) return found(exact)
    const meant = kinds.filter((each) => isCalled(each, text))
    if (meant.length > 1) return { kind: 'ambiguous', candidates: meant.map(resourceName).sort() }
    if (meant[0] !== undefined) return found(meant[0])
  }
  const literal = text.includes('.') ? parseResource(text) : text
  if (typeof literal !== 'string') return found(literal)
  const near = nearest(text, [...known, ...wellKnownKinds].map(resourceName))
  return near === undefined ? { kind: 'unknown' } : { kind: 'unknown', nearest: near }
}

const found = ({ group, resource }: KindName): ResolvedKind => ({ kind: 'found', found: { group, resource } })

function isCalled({ group, resource, kind }: KindName, text: string): boolean {
  const [word = '', ...rest] = text.split('.')
  const short = shortNames[word]
  const typedGroup = rest.length === 0 ? undefined : rest.join('.')
  if (typedGroup !== undefined && typedGroup !== group) return false
  if (short !== undefined) return short === resourceName({ group, resource })
  return kind?.toLowerCase() === word || pluralsOf(word).includes(resource)
}

/** Which names a kind could have whose singular, or plural, is `word`. */
const pluralsOf = (word: string): readonly string[] => [word, `${word}s`, `${word}es`, word.replace(/y$/, 'ies')]

/** As kubectl has them. */
const shortNames: Readonly<Record<string, string>> = {
  cm: 'configmaps',
  cj: 'cronjobs.batch',
  crd: 'customresourcedefinitions.apiextensions.k8s.io',
  crds: 'customresourcedefinitions.apiextensions.k8s.io',
  deploy: 'deployments.apps',
  ds: 'daemonsets.apps',
  ep: 'endpoints',
  ev: 'events',
  hpa: 'horizontalpodautoscalers.autoscaling',
  ing: 'ingresses.networking.k8s.io',
  limits: 'limitranges',
  netpol: 'networkpolicies.networking.k8s.io',
  no: 'nodes',
  ns: 'namespaces',
  pc: 'priorityclasses.scheduling.k8s.io',
  pdb: 'poddisruptionbudgets.policy',
  po: 'pods',
  pv: 'persistentvolumes',
  pvc: 'persistentvolumeclaims',
  quota: 'resourcequotas',
  rc: 'replicationcontrollers',
  rs: 'replicasets.apps',
  sa: 'serviceaccounts',
  sc: 'storageclasses.storage.k8s.io',
  sts: 'statefulsets.apps',
  svc: 'services',
}
