/** `npm run soak -- --minutes 30 [--seed 7]`: kills hub and agents for so long and ends with a table. Exit code 1 when something is wrong. */
import { parseArgs } from 'node:util'
import { createKiller } from '../support/kills/killer.ts'
import { setStage } from '../support/kills/stage.ts'
import { faultsOf, type Outcome, tableOf } from '../support/kills/table.ts'
import type { Row, Verdict } from '../support/kills/verdict.ts'
import { playSoak } from './play.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
if (!(minutes > 0) || !Number.isSafeInteger(seed))
  throw new Error(`expected --minutes above 0 and a whole --seed, got ${values.minutes} and ${values.seed}`)

console.log(`seed ${seed}`)
process.exitCode = (await soak()) ? 0 : 1

/** Resolves to whether all was well. */
async function soak(): Promise<boolean> {
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1_000
  const verdicts: Verdict[] = []
  await using stage = await setStage(seed)
  const killer = createKiller(stage)
  const outcome = (): Outcome => ({
    seed,
    seconds: seconds(),
    kills: killer.kills,
    withdrawn: stage.withdrawn,
    letters: stage.letters,
    ...summedUp(verdicts),
  })
  try {
    const backs = await playSoak(
      { stage, killer },
      {
        ms: minutes * 60_000,
        onStep: (what) => console.log(`${Math.round(seconds())} s: ${what}`),
        onCheck: (verdict) => {
          verdicts.push(verdict)
          console.log(tableOf(outcome()))
        },
      },
    )
    const faults = faultsOf(outcome(), backs)
    for (const fault of faults) console.error(fault)
    console.log(`the database was put back ${backs} times`)
    return faults.length === 0
  } catch (error) {
    console.error(stage.lastLines.slice(-100).join('\n'))
    console.error(error)
    return false
  }
}

/** Checks count what was lost since the one before; everything else they count from the beginning. */
function summedUp(verdicts: readonly Verdict[]): Pick<Outcome, 'changes' | 'rows'> {
  const last = verdicts.at(-1)?.rows ?? []
  const lost = (endpoint: string) =>
    verdicts.flatMap(({ rows }) => rows.filter((row) => row.endpoint === endpoint).flatMap((row) => row.lost))
  return {
    changes: verdicts.reduce((sum, { changes }) => sum + changes, 0),
    rows: last.map((row): Row => ({ ...row, lost: lost(row.endpoint) })),
  }
}
