/**
 * What the operator of a hub decides: the flags of `watch-hub serve`, read and checked. Paths are absolute.
 * What is watched and who is told is not here: it is in the config repo.
 */

/** Where to listen. No host = every address of the machine. Port 0 = any free one. */
export interface ListenAddress {
  readonly host?: string
  readonly port: number
}

/** PEM files. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface ConfigRepoSettings {
  /** A URL as git takes it, or an absolute folder. */
  readonly repo: string
  /** Absent = the remote's own default branch. */
  readonly branch?: string
  /** Folder of the manifests within the repo. Absent = all of it. */
  readonly path?: string
  readonly pollMs: number
  readonly gitTokenFile?: string
  readonly gitSshKeyFile?: string
  readonly gitKnownHostsFile?: string
}

export interface HubSettings {
  readonly config: ConfigRepoSettings
  readonly dataDir: string
  /** Absent = no `{secret: …}` can be resolved; each endpoint that has one is blocked. */
  readonly secretsDir?: string
  readonly listen: ListenAddress
  /** Absent = agents come to `listen` too. */
  readonly agentListen?: ListenAddress
  /** For the port that agents use: `agentListen`, or else `listen`. */
  readonly tls?: TlsFiles
  /** How agents reach this hub, `https://hub.example.com`. Absent = the address it listens on. */
  readonly publicUrl?: string
  /** Bytes of the log above which what waits for endpoints is compacted. */
  readonly logLimit: number
  /** What has to stay free on the disk of `dataDir`: a share of it, 0 to 1, or bytes. */
  readonly minFreeDisk: { readonly share: number } | { readonly bytes: number }
  /** Ranges that deliveries may reach although they are closed, by the hub itself (loopback, link-local, metadata) or by `denyEgress`. */
  readonly allowEgress: readonly string[]
  /** Ranges that deliveries may not reach. Where an open and a closed range meet, the narrower one decides. */
  readonly denyEgress: readonly string[]
  /** The proxy that deliveries leave through. Its url may hold credentials: never shown. */
  readonly egressProxy?: { readonly url: string; readonly noProxy: readonly string[] }
  /** How long dead letters are kept, and how many bytes of them for each endpoint. */
  readonly deadLetterRetentionMs: number
  readonly deadLetterLimit: number
  /** Attempts that failed are traced whatever the sampler says. */
  readonly traceFailures: boolean
  /** Lets credentials go to endpoints over plain http. */
  readonly allowInsecureCredentials: boolean
}
