/**
 * What people committed, compiled: every default applied, every reference resolved, readonly.
 * Nothing here is written by hand except in tests; `compile` makes it from manifests, `plan` and `delivery` read it.
 */
import type { LabelSelector } from '@watch-hub/shared/protocol/plan'

/** A place in the config repo. Line and column count from 1. */
export interface SourceRef {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Something in the config repo that cannot be followed. Shown to its author as `file:line:column path: message`. */
export interface ConfigProblem extends SourceRef {
  /** Path within the manifest, `spec.endpoints[0]`; empty for the manifest as a whole. */
  readonly path: string
  /** `expected …, got …` */
  readonly message: string
}

export const formatProblem = (p: ConfigProblem): string =>
  `${p.file}:${p.line}:${p.column}${p.path === '' ? '' : ` ${p.path}`}: ${p.message}`

/** JSON object attached to events; values are any JSON. */
export type Metadata = Readonly<Record<string, unknown>>

/** A value that is not in Git: a file below the secrets folder (`NAME` or `NAME/KEY`), or `WATCH_HUB_SECRET_<NAME>`. */
export type SecretRef = { readonly secret: string } | { readonly env: string }

/** A kind as people write it: `services`, `deployments.apps`, `widgets.example.com/v1`. */
export interface ResourceRef {
  readonly group: string
  readonly resource: string
  /** Absent = the version that the server prefers. */
  readonly version?: string
}

export interface SettingsConfig {
  readonly ignoreNamespaces: readonly string[]
  readonly attach: Metadata
}

export interface ClusterConfig {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly attach: Metadata
  readonly paused: boolean
  readonly at: SourceRef
}

export type EventType = 'created' | 'updated' | 'deleted'
export type Format = 'watch-hub' | 'watch-proxy' | 'cloudevents' | 'cloudevents-binary' | 'cloudevents-batch'

/** What an answer means (DESIGN law 6): everything was taken, the endpoint cannot now, the events are to blame, nobody is there any more, too large. */
export type AnswerClass = 'accepted' | 'try-later' | 'refused' | 'gone' | 'oversize'

export type AuthConfig =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: SecretRef; readonly password: SecretRef }
  | { readonly kind: 'bearer'; readonly token: SecretRef }
  /** Client credentials, RFC 6749 section 4.4. */
  | {
      readonly kind: 'oauth2'
      readonly tokenUrl: string
      readonly clientId: SecretRef
      readonly clientSecret: SecretRef
      readonly scopes: readonly string[]
    }

export interface EndpointConfig {
  readonly name: string
  /** Absolute http or https URL without credentials. */
  readonly url: string
  readonly format: Format
  readonly auth: AuthConfig
  /** Header name → plain text or a secret. */
  readonly headers: Readonly<Record<string, string | SecretRef>>
  /** PEM. `ca`: trusted besides the system's; `certificate` and `key` come together. */
  readonly tls: { readonly ca?: SecretRef; readonly certificate?: SecretRef; readonly key?: SecretRef }
  /** Standard Webhooks secrets: each request carries a signature by each of them. None = requests are not signed. */
  readonly signing: readonly SecretRef[]
  readonly batch: { readonly maxObjects: number; readonly maxBytes: number; readonly maxWaitMs: number }
  /** Of one attempt, answer included. */
  readonly timeoutMs: number
  /** Requests, first attempts or not, that may begin within any `perMs`. Absent = as many as go. */
  readonly rateLimit?: { readonly requests: number; readonly perMs: number }
  /** How long a parked object is tried before its event becomes a dead letter, from its first attempt. */
  readonly retry: { readonly maxAgeMs: number }
  /** What else than law 6 says an answer means: by status, `404`, or by its class, `4xx`; the status wins. */
  readonly outcomes: Readonly<Record<string, AnswerClass>>
  /** Batches in flight; never two with the same object. */
  readonly concurrency: number
  readonly history: 'latest' | 'every'
  /** `updated` is told as a patch where the endpoint surely holds what it applies to. Only with `format: watch-hub`. */
  readonly delta: boolean
  /** When a commit stops watching objects: say nothing, or report them deleted. */
  readonly unwatched: 'keep' | 'delete'
  /** A commit that would report more deletions than `removals` holds the endpoint. */
  readonly guard?: { readonly removals: number }
  /** CEL over `payload`, which is that of the format: the JSON to send instead. Not with CloudEvents. */
  readonly body?: string
  /** A fence around what watches send here, globs; absent part = all. Applied at every attempt. */
  readonly allow: {
    readonly clusters?: readonly string[]
    readonly namespaces?: readonly string[]
    readonly resources?: readonly ResourceRef[]
  }
  /** Its scans are closed by `synced` items. */
  readonly markers: boolean
  readonly attach: Metadata
  readonly paused: boolean
  readonly at: SourceRef
}

export interface WatchConfig {
  readonly name: string
  readonly resources: readonly ResourceRef[]
  /** Names of the declared clusters that it is for, sorted. */
  readonly clusters: readonly string[]
  readonly namespaces: {
    readonly include: readonly string[]
    readonly exclude: readonly string[]
    readonly selector?: LabelSelector
  }
  readonly labelSelector?: LabelSelector
  readonly events: readonly EventType[]
  /** CEL; absent = every object. */
  readonly when?: string
  readonly fields: { readonly keep: readonly string[]; readonly prune: readonly string[] }
  readonly initial: 'send' | 'skip'
  /** How often the current state is sent again; 0 = never. */
  readonly resyncMs: number
  readonly includeSecretData: boolean
  readonly attach: Metadata
  readonly endpoints: readonly string[]
  readonly paused: boolean
  readonly at: SourceRef
}

/** The compiled config of one commit: immutable. */
export interface Snapshot {
  /** Commit id, or `dir-<hash>` for a plain folder. */
  readonly commit: string
  /** Content hash of the compiled config: equal for commits that mean the same. */
  readonly hash: string
  readonly settings: SettingsConfig
  readonly clusters: ReadonlyMap<string, ClusterConfig>
  readonly endpoints: ReadonlyMap<string, EndpointConfig>
  readonly watches: ReadonlyMap<string, WatchConfig>
  /** Nothing that configs mean: moving a field changes no hash and touches nobody. */
  readonly places: Places
}

/** Where fields of a manifest's spec stand, `namespaces.include`, or the manifest where they are left out; not every field is there. */
export type FieldPlaces = Readonly<Record<string, SourceRef>>

/** By kind and name. */
export interface Places {
  readonly clusters: ReadonlyMap<string, FieldPlaces>
  readonly endpoints: ReadonlyMap<string, FieldPlaces>
  readonly watches: ReadonlyMap<string, FieldPlaces>
  readonly settings: FieldPlaces
}

/** A manifest file as a source gives it. `path` is relative to the config path, with `/`. */
export interface ManifestFile {
  readonly path: string
  readonly text: string
  /** Equal ids mean equal text (a Git blob id): parse results are kept by it. */
  readonly id: string
}

export type Compiled =
  | { readonly ok: true; readonly snapshot: Snapshot }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }
