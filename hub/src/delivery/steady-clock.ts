/** A clock for waits: it goes as the given one does, but never back, so that what waits until some time does not wait longer when clocks are set. */
export function steadyClock(now: () => number): () => number {
  let last = now()
  /** By how much the given clock was set back, ms. */
  let behind = 0
  return () => {
    const at = now() + behind
    if (at < last) behind += last - at
    last = Math.max(last, at)
    return last
  }
}
