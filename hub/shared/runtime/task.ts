/**
 * A Task exists only while it runs. There is no start, no restart and no `isRunning`: a new run is a new object.
 * Disposing aborts the run and waits for its real end. A failure of before is told by `done` alone; one while stopping, by the disposal too.
 */
export class Task implements AsyncDisposable {
  /** Settles when the run has ended: rejects with its failure, resolves when it returned or was stopped by us. */
  readonly done: Promise<void>
  readonly #stop = new AbortController()
  #failedBefore = false

  constructor(run: (signal: AbortSignal) => Promise<void>) {
    this.done = run(this.#stop.signal).catch((error: unknown) => {
      if (!this.#stop.signal.aborted || error !== this.#stop.signal.reason) throw error // only our own stop is a good reason to throw
    })
    // The owner looks at `done`; until then this is not "unhandled".
    this.done.catch(() => {
      this.#failedBefore = !this.#stop.signal.aborted
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failedBefore) return
    this.#stop.abort()
    await this.done
  }
}

/** True when `error` is nothing but the news that `signal` was aborted. */
export const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
