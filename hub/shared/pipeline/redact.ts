/**
 * Kubernetes Secrets leave no cluster unasked: before anything else looks at one, `data` and `stringData` are removed as a whole (not only their
 * values: names of keys tell things too, and a placeholder could be taken for a value), and with them the annotations in which tools keep a copy of the object.
 * It happens before matching, so that `when` cannot be used to guess what is inside. Only the core kind `secrets`; every other object passes untouched.
 */
import { isRecord } from '../protocol/decode.ts'
import type { KubeObject } from './object.ts'
import { lastApplied } from './project.ts'

/** Annotations that hold the object, or what it was made from, as text. */
const copies = [
  lastApplied,
  'kapp.k14s.io/original',
  'objectset.rio.cattle.io/applied',
  'banzaicloud.com/last-applied',
  'kopf.zalando.org/last-handled-configuration',
]

export interface RedactionSettings {
  readonly group: string
  /** Plural name. */
  readonly resource: string
  readonly includeSecretData: boolean
}

export function compileRedaction(of: RedactionSettings): (object: KubeObject) => KubeObject {
  if (of.group !== '' || of.resource !== 'secrets' || of.includeSecretData) return (object) => object
  return redactSecret
}

function redactSecret({ data: _data, stringData: _stringData, ...rest }: KubeObject): KubeObject {
  const { annotations } = rest.metadata
  if (!isRecord(annotations) || !copies.some((name) => Object.hasOwn(annotations, name))) return rest
  const others = Object.fromEntries(Object.entries(annotations).filter(([name]) => !copies.includes(name)))
  return { ...rest, metadata: { ...rest.metadata, annotations: others } }
}
