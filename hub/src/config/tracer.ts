/** What the config says to whoever traces it: how a commit became the live one, or did not. */

/** Times in ms since 1970. */
export interface CommitStep {
  readonly commit: string
  /**
   * fetch: read from its source. verify: each manifest parsed and checked by itself. compile: checked as a whole, made a Snapshot.
   * activate: store, couriers and agents were told. commit: all of it.
   */
  readonly step: 'fetch' | 'verify' | 'compile' | 'activate' | 'commit'
  readonly start: number
  readonly end: number
  /** How many problems were found; absent = none. */
  readonly problems?: number
}

export interface ConfigTracer {
  step(step: CommitStep): void
}

export const silentConfigTracer: ConfigTracer = { step: () => {} }
