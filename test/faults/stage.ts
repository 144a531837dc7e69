/** What a schedule is played on: a lab, the truth about it, and what was done to it that the oracle has to know. */

import { type Lab, startLab } from '../support/lab/lab.ts'
import { service } from '../support/objects.ts'
import { type Chronicle, chronicle, type Moment } from './chronicle.ts'
import { type ConfigModel, clusterNames, type EndpointName, endpointNames, firstConfig, manifestsOf, widgets } from './config.ts'

/** The hub's database went back to an earlier one. */
interface Restore {
  readonly at: Moment
  /** Of the log of the earlier one; 0 = it was empty. */
  readonly head: number
  /** Uids of the objects that the earlier one held. */
  readonly uids: ReadonlySet<string>
}

export interface Copy extends Omit<Restore, 'at'> {
  readonly file: string
}

export interface Stage extends AsyncDisposable {
  readonly lab: Lab
  readonly truth: Chronicle
  config: ConfigModel
  /** The last quiet moment, when the oracle looked. */
  checkedAt: Moment
  /** Servers that told what their watches will not correct: only a comparison finds it. */
  readonly untrue: Set<string>
  /** Servers that, since they were last compared, may have shown a list without what exists. */
  readonly lied: Set<string>
  /** Clusters in which, since the last check, changes may have happened that no watch showed. */
  readonly gaps: Set<string>
  readonly restores: Restore[]
  /** `cluster watch definition` of the watches that were compared in full at some check. */
  readonly compared: Set<string>
  /** By endpoint: keys that its receiver held at the last check, and was not to hold. */
  readonly kept: Map<EndpointName, ReadonlySet<string>>
  /** `endpoint key` of all that were ever kept so. */
  readonly excused: Set<string>
  copy: Copy | undefined
  readonly backups: Map<string, ReturnType<ReturnType<Lab['cluster']>['backup']>>
}

export const widgetKind = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  namespaced: true,
} as const

/** Everything runs. */
export async function setStage(): Promise<Stage> {
  await using scope = new AsyncDisposableStack()
  const reconcile = { pageObjects: 3 }
  const lab = scope.use(await startLab({ clusters: clusterNames, receivers: endpointNames, reconcile, restartAgents: true }))
  const truth = chronicle(new Map(clusterNames.map((name) => [name, lab.cluster(name)])))
  for (const name of clusterNames) {
    const simulator = lab.cluster(name)
    simulator.addResource(widgetKind)
    for (const [namespace, env] of [
      ['team-web', 'prod'],
      ['team-db', 'test'],
      ['ops', 'prod'],
    ] as const)
      simulator.create('namespaces', { metadata: { name: namespace, labels: { env } } })
    simulator.create('services', service('old', { namespace: 'team-web', labels: { tier: 'front' } }))
    simulator.create(widgets, { metadata: { name: 'old', namespace: 'ops' } })
    truth.look(name)
  }
  await lab.commit(manifestsOf(firstConfig, (name) => lab.receiver(name).url))
  truth.committed(lab.snapshot)
  await lab.hub.start()
  for (const name of clusterNames) await lab.agent(name).start()
  const owned = scope.move()
  return {
    lab,
    truth,
    config: firstConfig,
    checkedAt: 0,
    untrue: new Set(),
    lied: new Set(),
    gaps: new Set(),
    restores: [],
    compared: new Set(),
    kept: new Map(),
    excused: new Set(),
    copy: undefined,
    backups: new Map(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
