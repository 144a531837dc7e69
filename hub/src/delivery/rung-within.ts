/** Waits for a bell, but not longer than `ms`: true when it rang. Rejects with the signal's reason when that aborts first. */
import type { Bell } from '@watch-hub/shared/runtime/bell'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'

export async function rungWithin(
  bell: Bell,
  ms: number,
  { sleep, signal }: { readonly sleep: Sleep; readonly signal: AbortSignal },
): Promise<boolean> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  try {
    return await Promise.race([bell.wait(either).then(() => true), sleep(ms, either).then(() => false)])
  } finally {
    over.abort()
  }
}
