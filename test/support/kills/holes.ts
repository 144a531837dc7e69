/**
 * What can be proven about an endpoint with `history: every`, from outside.
 *
 * A change that nobody heard of is no fault by itself: an agent that died before the hub had it on disk leaves it to the next comparison,
 * which sees only the newest state. But a watch shows the changes of its kind in order, and they stay in order all the way. So when a change arrived
 * live, the watch that showed it had shown, and the hub had acknowledged, every change since the version that the watch began at. One of these that
 * did not arrive live is a hole.
 */
import type { Change } from './load.ts'

/**
 * `changes` of one kind in one cluster, ascending; `begins`: the versions at which watches of it began, in any order.
 * Answers with the versions of the changes that are missing.
 */
export function holesIn(
  changes: readonly Change[],
  begins: readonly number[],
  heard: (change: Change) => boolean,
): readonly number[] {
  const starts = begins.toSorted((a, b) => a - b)
  const holes: number[] = []
  let start = 0
  let silent: number[] = []
  for (const change of changes) {
    for (let next = starts[start]; next !== undefined && next < change.version; next = starts[++start]) silent = []
    if (!change.concerns || start === 0) continue // before the first watch nothing is promised
    if (heard(change)) {
      holes.push(...silent)
      silent = []
    } else silent.push(change.version)
  }
  return holes
}
