/** Which object a row is about, in ordering, exclusion and parking: the name counts, so a re-created object is the same one. */
import type { LogRow } from '../store/store.ts'

/** `cluster group resource namespace name`, one to a line. */
export const objectKeyOf = ({ cluster, object }: Pick<LogRow, 'cluster' | 'object'>): string => keyText(cluster, object)

export interface ObjectAddress {
  readonly cluster: string
  readonly group: string
  readonly resource: string
  readonly namespace: string
  readonly name: string
}

export const objectKey = (of: ObjectAddress): string => keyText(of.cluster, of)

const keyText = (cluster: string, { group, resource, namespace, name }: Omit<ObjectAddress, 'cluster'>): string =>
  `${cluster}\n${group}\n${resource}\n${namespace}\n${name}`

export interface ObjectKeyParts {
  readonly cluster: string
  /** `deployments.apps` */
  readonly resource: string
  readonly namespace: string
  readonly name: string
}

export function partsOfKey(key: string): ObjectKeyParts {
  const [cluster = '', group = '', resource = '', namespace = '', name = ''] = key.split('\n')
  return { cluster, resource: group === '' ? resource : `${resource}.${group}`, namespace, name }
}
