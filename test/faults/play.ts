/** Plays a schedule and says what came of it. */
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { closeRound, findings } from './oracle.ts'
import { perform } from './perform.ts'
import { recover } from './recover.ts'
import { setStage } from './stage.ts'
import { printed, type Step } from './step.ts'

export type Outcome =
  | { readonly kind: 'fine' }
  /** `step`: the index of the check, or of the step that could not be played. */
  | { readonly kind: 'failed'; readonly step: number; readonly problems: readonly string[] }

/** Longest time for one schedule: what takes longer hangs. */
const patienceMs = 90_000

/** A schedule without a check at its end is checked all the same. */
export async function play(steps: readonly Step[]): Promise<Outcome> {
  const all: readonly Step[] = steps.at(-1)?.do === 'check' ? steps : [...steps, { do: 'check' }]
  const at = { step: 0 }
  using patience = deadline(patienceMs)
  const hanging = new Promise<Outcome>((resolve) => {
    patience.signal.addEventListener('abort', () => {
      const step = all[at.step]
      resolve({ kind: 'failed', step: at.step, problems: [`hangs in ${step && printed(step)}`] })
    })
  })
  return Promise.race([playAll(all, at), hanging])
}

async function playAll(all: readonly Step[], at: { step: number }): Promise<Outcome> {
  await using stage = await setStage()
  for (const [i, step] of all.entries()) {
    at.step = i
    try {
      if (step.do !== 'check') await perform(step, stage)
      else {
        await recover(stage)
        const problems = await findings(stage)
        if (problems.length > 0) return { kind: 'failed', step: i, problems }
        closeRound(stage)
      }
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return { kind: 'failed', step: i, problems: [`${printed(step)}: ${why}`] }
    }
  }
  return { kind: 'fine' }
}
