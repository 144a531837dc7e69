/** What spans say of an event: the same words on every hop, so that a search for it finds all of them. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { LogRow, ObjectRef } from '../store/store.ts'
import * as names from './attributes.ts'
import type { Attributes } from './span.ts'

/** `services/web/shop`, `nodes/worker-1` */
export const objectText = (of: Pick<ObjectRef, 'group' | 'resource' | 'namespace' | 'name'>): string =>
  [resourceName(of), ...(of.namespace === '' ? [] : [of.namespace]), of.name].join('/')

/** Kinds that the semantic conventions have attributes for. */
const registered: Readonly<Record<string, string>> = {
  'cronjobs.batch': 'k8s.cronjob',
  'daemonsets.apps': 'k8s.daemonset',
  'deployments.apps': 'k8s.deployment',
  'jobs.batch': 'k8s.job',
  nodes: 'k8s.node',
  pods: 'k8s.pod',
  'replicasets.apps': 'k8s.replicaset',
  services: 'k8s.service',
  'statefulsets.apps': 'k8s.statefulset',
}

export function objectAttributes({ cluster, object }: Pick<LogRow, 'cluster' | 'object'>): Attributes {
  const kind = Object.hasOwn(registered, resourceName(object)) ? registered[resourceName(object)] : undefined
  return {
    [names.clusterName]: cluster,
    ...(object.namespace !== '' && { [names.namespaceName]: object.namespace }),
    ...(kind !== undefined && { [`${kind}.name`]: object.name, [`${kind}.uid`]: object.uid }),
    [names.object]: objectText(object),
    [names.objectUid]: object.uid,
  }
}
