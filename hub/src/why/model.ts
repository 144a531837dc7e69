/** What `watch-hub why` tells: whether endpoints hear of one object now, condition by condition, each with its place in the config repo. */
import type { SourceRef } from '../config/model.ts'

/** yes: it holds. no: it keeps the object from being told. unknown: nobody could say. note: worth knowing, decides nothing. */
export const marks = ['yes', 'no', 'unknown', 'note'] as const
export type Mark = (typeof marks)[number]

export interface Check {
  /** A field of a manifest, `namespaces`, `allow.clusters`; or what else it is about: `stream`, `parked`. */
  readonly about: string
  readonly mark: Mark
  /** One line. */
  readonly detail: string
  /** Where the field stands. */
  readonly at?: SourceRef
  /** It is so since then, ms since 1970. */
  readonly since?: number
  /** It is tried, or looked at, again then, ms since 1970. */
  readonly next?: number
}

export interface WhyWatch {
  readonly watch: string
  /** Those that it names. */
  readonly endpoints: readonly string[]
  readonly checks: readonly Check[]
}

export interface WhyEndpoint {
  readonly endpoint: string
  readonly checks: readonly Check[]
}

export interface WhyObject {
  readonly state: 'present' | 'absent' | 'unknown'
  readonly detail: string
  readonly uid?: string
  readonly resourceVersion?: string
}

export interface WhyQuestion {
  readonly cluster: string
  /** As it was typed: `service`, `deploy`, `deployments.apps`. */
  readonly resource: string
  /** Absent = `default`, where the kind has namespaces. */
  readonly namespace?: string
  readonly name: string
  /** Absent = whoever the watches name. */
  readonly endpoint?: string
}

export interface Why {
  readonly cluster: string
  /** `deployments.apps` */
  readonly resource: string
  /** "" for kinds that have none. */
  readonly namespace: string
  readonly name: string
  readonly endpoint?: string
  readonly object: WhyObject
  readonly clusterChecks: readonly Check[]
  /** By name; with an endpoint asked for, those that name it. */
  readonly watches: readonly WhyWatch[]
  /** The one that was asked for, or those of watches that the object matches. */
  readonly endpoints: readonly WhyEndpoint[]
  /** A change of the object is told now. */
  readonly told: boolean
  /** One sentence. */
  readonly verdict: string
  /** Where to look first. */
  readonly at?: SourceRef
}

export type WhyAnswer =
  | { readonly kind: 'explained'; readonly why: Why }
  /** `what`: `cluster`, `endpoint` or `kind`; `hint` is empty or names what was probably meant. */
  | { readonly kind: 'unknown'; readonly what: string; readonly name: string; readonly hint: string }
  | { readonly kind: 'ambiguous'; readonly typed: string; readonly candidates: readonly string[] }
