/** Makes a failing schedule small: leaves out more and more of it for as long as what is left still fails. */
import type { Outcome } from './play.ts'
import type { Step } from './step.ts'

export interface Shrunk {
  readonly steps: readonly Step[]
  readonly problems: readonly string[]
}

export interface ShrinkSettings {
  /** Plays; the same steps can come out differently, for time is real. */
  readonly play: (steps: readonly Step[]) => Promise<Outcome>
  /** When to stop looking, as `performance.now()` tells it. */
  readonly until: number
  /** How often steps that did not fail are played again before they count as fine. */
  readonly tries: number
}

/** The smallest failing part found in time; `problems` are those of its last failure. */
export async function shrink(first: Shrunk, { play, until, tries }: ShrinkSettings): Promise<Shrunk> {
  const inTime = () => performance.now() < until
  const failing = async (steps: readonly Step[]): Promise<Shrunk | undefined> => {
    for (let i = 0; i < tries && inTime(); i++) {
      const outcome = await play(steps)
      if (outcome.kind === 'failed') return { steps: steps.slice(0, outcome.step + 1), problems: outcome.problems }
    }
    return undefined
  }
  let best = first
  for (let size = Math.ceil(best.steps.length / 2); size >= 1 && inTime(); size = Math.floor(size / 2)) {
    for (let at = 0; at < best.steps.length && inTime(); ) {
      const less = await failing(best.steps.toSpliced(at, size))
      if (less === undefined) at += size
      else best = less
    }
  }
  return best
}
