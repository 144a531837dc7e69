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

export function fence({ clusters, namespaces, resources }: EndpointConfig['allow']): Fence {
  const inCluster = clusters === undefined ? always : compileGlobs(clusters)
  const inNamespace = namespaces === undefined ? always : compileGlobs(namespaces)
  return (place) =>
    inCluster(place.cluster) &&
    inNamespace(namespaceOf(place)) &&
    (resources === undefined || resources.some((ref) => isOf(place, ref)))
}

const always = () => true

const namespaceOf = (place: Place): string =>
  place.group === '' && place.resource === 'namespaces' ? place.name : place.namespace

const isOf = (place: Place, ref: ResourceRef): boolean =>
  place.group === ref.group && place.resource === ref.resource && (ref.version === undefined || place.version === ref.version)
