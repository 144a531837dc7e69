/** The hub's inventory, as its database has it, is what the agents' plans make of the clusters. */
import { planFor } from '@watch-hub/hub/config/plan'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import { object, string } from '@watch-hub/shared/protocol/decode'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { clusterNames } from './config.ts'
import type { Stage } from './stage.ts'
import { judgeOf } from './wanted.ts'

const row = object({ stream: string, uid: string, hash: string, matches: string })

export function inventoryProblems({ lab, truth }: Stage): readonly string[] {
  // Not by the store, whose looks at an index move rows to their heirs.
  using db = openDatabase(lab.hub.file)
  const inventory = db.query(
    'SELECT streams.stream, uid, hash, matches FROM inventory JOIN streams ON streams.id = inventory.stream WHERE cluster = ?',
    row,
  )
  return clusterNames.flatMap((cluster) => {
    const plan = planFor(lab.snapshot, cluster)
    if (plan === undefined) return []
    const judge = judgeOf(lab.snapshot, cluster)
    const lives = [...truth.lives.values()].filter((life) => life.cluster === cluster)
    const rows = inventory.all(cluster)
    return plan.streams.flatMap((stream) => {
      const expected = new Map<string, string>()
      for (const { uid, states } of lives) {
        const state = states.at(-1)?.state
        const seen = state && judge(state).find((each) => each.stream === stream.id)
        if (seen !== undefined) expected.set(uid, `${seen.hash} ${JSON.stringify(seen.matches)}`)
      }
      const found = new Map(
        rows.filter((each) => each.stream === stream.id).map(({ uid, hash, matches }) => [uid, `${hash} ${matches}`]),
      )
      const where = `inventory of ${cluster} ${resourceName(stream)}:`
      return [
        ...[...expected].flatMap(([uid, what]) =>
          found.get(uid) === what ? [] : [`${where} ${uid} is ${found.get(uid)}, expected ${what}`],
        ),
        ...[...found].flatMap(([uid, what]) =>
          expected.has(uid) ? [] : [`${where} holds ${uid} (${what}), which is not to be there`],
        ),
      ]
    })
  })
}
