/**
 * `allow`: the fence around what may be sent to an endpoint, whatever the watches say. It is asked when batches are made and again
 * before each attempt, so that a commit which narrows it also holds for what waits already.
 *
 * An absent part lets everything pass. Objects without a namespace have the empty name there, which only `*` matches; the kind
 * `namespaces` is matched by its own name.
 */
import { compileGlobs } from '@watch-hub/shared/pipeline/glob'
import type { EndpointConfig, ResourceRef } from '../config/model.ts'
import type { LogRow } from '../store/store.ts'

/** What of an object the fence looks at. */
export interface Place {
  readonly cluster: string
  readonly group: string
  readonly resource: string
  readonly version: string
  readonly namespace: string
  readonly name: string
}

export type Fence = (place: Place) => boolean

export const placeOf = ({ cluster, object }: LogRow): Place => ({
  cluster,
  group: object.group,
  resource: object.resource,
  version: object.version,
  namespace: object.namespace,
  name: object.name,
})

export function fence(allow: EndpointConfig['allow']): Fence {
  const tests = fenceParts(allow).map(({ test }) => test)
  return (place) => tests.every((test) => test(place))
}

export interface FencePart {
  readonly part: keyof EndpointConfig['allow']
  readonly test: Fence
}

/** Those that are there; all of them have to hold. */
export function fenceParts({ clusters, namespaces, resources }: EndpointConfig['allow']): readonly FencePart[] {
  const inCluster = clusters && compileGlobs(clusters)
  const inNamespace = namespaces && compileGlobs(namespaces)
  return [
    ...(inCluster ? [{ part: 'clusters', test: (place: Place) => inCluster(place.cluster) } as const] : []),
    ...(inNamespace ? [{ part: 'namespaces', test: (place: Place) => inNamespace(namespaceOf(place)) } as const] : []),
    ...(resources ? [{ part: 'resources', test: (place: Place) => resources.some((ref) => isOf(place, ref)) } as const] : []),
  ]
}

const namespaceOf = (place: Place): string =>
  place.group === '' && place.resource === 'namespaces' ? place.name : place.namespace

const isOf = (place: Place, ref: ResourceRef): boolean =>
  place.group === ref.group && place.resource === ref.resource && (ref.version === undefined || place.version === ref.version)
