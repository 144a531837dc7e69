/** A way to an engine: in a thread of its own, or in this one. Requests take effect in the order they are sent; so do their answers. */
import type { CallName, Input, Output } from '../calls.ts'
import type { Sequence } from '../store.ts'

export interface Opened {
  readonly hubId: string
  /** The log's head when it was opened. */
  readonly head: Sequence
}

/** Disposing answers what was sent before, closes the database and waits for its end. */
export interface Link extends AsyncDisposable, Opened {
  /** Resolves when it was disposed, rejects when the engine died. */
  readonly ended: Promise<void>
  /** Calls that were not answered yet. */
  readonly waiting: number
  call<K extends CallName>(op: K, input: Input<K>): Promise<Output<K>>
}
