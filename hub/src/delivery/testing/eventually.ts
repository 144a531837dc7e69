/** Looks again and again, without waiting in between, until what it sees is true. The test's own timeout bounds it. */
import { setImmediate } from 'node:timers/promises'

export async function eventually(look: () => boolean | Promise<boolean>, signal?: AbortSignal): Promise<void> {
  while (!(await look())) {
    signal?.throwIfAborted()
    await setImmediate()
  }
}
