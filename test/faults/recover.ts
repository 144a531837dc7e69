/** The end of all faults. */
import type { Snapshot } from '@watch-hub/hub/config/model'
import { planFor } from '@watch-hub/hub/config/plan'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { commit } from './commit.ts'
import { clusterNames, endpointNames, released, widgets } from './config.ts'
import { addKind } from './servers.ts'
import type { Stage } from './stage.ts'

/** Ends every fault, starts what is down, takes back every hold. */
export async function recover(stage: Stage): Promise<void> {
  const { lab } = stage
  for (const name of endpointNames) lab.receiver(name).answerWith(() => ({}))
  for (const name of clusterNames) {
    const simulator = lab.cluster(name)
    await simulator.restore()
    simulator.failNoMore()
    simulator.resumeWatches()
    simulator.splitChunks(0)
    for (const resource of ['services', 'configmaps', widgets]) simulator.allow(resource)
    addKind(simulator)
    stage.truth.look(name)
    await lab.agent(name).killOlder()
    lab.agent(name).running?.relay.resume()
  }
  await lab.hub.start()
  await commit(released(stage.config), stage)
  // The hub may dismiss the process that started last, when an older one met it later.
  do {
    for (const name of clusterNames) await lab.agent(name).start()
    await lab.quiet(20_000)
  } while (clusterNames.some((name) => lab.agent(name).running === undefined))
  await replay(stage)
  await audit(stage)
}

/** What was given up is told again: then receivers know what is true. */
async function replay({ lab, config }: Stage): Promise<void> {
  for (const name of endpointNames.filter((each) => config.endpoints[each].present)) {
    const letters = async () => (await lab.hub.running?.store.deadLetters({ endpoint: name, limit: 1_000 }))?.letters ?? []
    for (let given = await letters(), rounds = 0; given.length > 0; given = await letters()) {
      if (++rounds > 3) throw new Error(`${given.length} dead letters of ${name} cannot be told again`)
      await lab.hub.running?.delivery.replay(
        name,
        given.map(({ id }) => id),
      )
      await lab.quiet(20_000)
    }
  }
}

/** Where a server told an untruth, only another comparison finds it. */
async function audit({ lab, untrue }: Stage): Promise<void> {
  if (untrue.size === 0) return
  for (const name of clusterNames.filter((each) => untrue.has(each))) {
    const { requests, until } = lab.cluster(name)
    const lists = () => kindsOf(lab.snapshot, name).map((resource) => requests.count({ verb: 'list', resource }))
    const before = lists()
    lab.agent(name).audit()
    await until(() => lists().every((count, i) => count > (before[i] ?? 0)), `an audit of ${name}`)
  }
  untrue.clear()
  await lab.quiet(20_000)
}

const kindsOf = (snapshot: Snapshot, cluster: string): readonly string[] => [
  ...new Set(planFor(snapshot, cluster)?.streams.map(resourceName)),
]
