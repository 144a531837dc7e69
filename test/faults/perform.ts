/** Plays one step. What does not fit the moment, an object that is not there or a hub that already runs, is passed over. */
import type { Snapshot } from '@watch-hub/hub/config/model'
import { planFor } from '@watch-hub/hub/config/plan'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { ApiError } from '../support/api-server-simulator/status.ts'
import {
  type ClusterName,
  type ConfigModel,
  changed,
  clusterNames,
  endpointNames,
  manifestsOf,
  released,
  widgets,
} from './config.ts'
import { copyOf } from './database-copy.ts'
import { answerOf } from './receiver-modes.ts'
import { type Stage, widgetKind } from './stage.ts'
import type { ObjectStep, OtherStep, ProcessStep, ServerStep, Shape, Step } from './step.ts'

export async function perform(step: Exclude<Step, { do: 'check' }>, stage: Stage): Promise<void> {
  switch (step.do) {
    case 'put':
    case 'delete':
    case 'replace':
      return changeObject(step, stage)
    case 'agent':
    case 'link':
    case 'hub':
    case 'clock':
      return driveProcess(step, stage)
    case 'receiver':
    case 'commit':
    case 'resync':
    case 'wait':
      return doOther(step, stage)
    default:
      return await breakServer(step, stage)
  }
}

function changeObject(step: ObjectStep, stage: Stage): void {
  const simulator = stage.lab.cluster(step.cluster)
  const ref = `${step.namespace}/${step.name}`
  const silently = 'silently' in step && step.silently === true
  if (silently) {
    stage.untrue.add(step.cluster)
    stage.gaps.add(step.cluster)
  }
  const run = (change: () => unknown) => {
    unlessRefused(() => (silently ? simulator.silently(change) : change()))
    stage.truth.look(step.cluster)
  }
  if (step.do !== 'put') run(() => simulator.delete(step.resource, ref))
  if (step.do === 'delete') return
  run(() => {
    if (simulator.get(step.resource, ref) === undefined) simulator.create(step.resource, made(step, step.shape))
    else simulator.update(step.resource, ref, (object) => ({ ...object, ...made(step, step.shape, object) }))
  })
}

/** Without `rev` of its own, the object keeps the one that it had. */
function made(of: ObjectStep, { tier, level, noise, rev }: Shape, before?: Readonly<Record<string, unknown>>) {
  const known = before?.data
  const old = typeof known === 'object' && known !== null && 'rev' in known ? String(known.rev) : '0'
  return {
    metadata: { name: of.name, namespace: of.namespace, ...(tier === '' ? {} : { labels: { tier } }) },
    data: { level, noise: `ü${noise}`, rev: rev === undefined ? old : String(rev) },
    spec: { noise, ports: [{ port: 80 + noise }] },
  }
}

/** The API server may say no: the name is taken, the kind is not served. Anything else is a bug of the schedule. */
function unlessRefused(change: () => unknown): void {
  try {
    change()
  } catch (error) {
    const refused = error instanceof ApiError || (error instanceof Error && error.message.includes('the simulator serves no'))
    if (!refused) throw error
  }
}

async function breakServer(step: ServerStep, stage: Stage): Promise<void> {
  const { cluster } = step
  const simulator = stage.lab.cluster(cluster)
  const gap = () => stage.gaps.add(cluster)
  switch (step.do) {
    case 'label-namespace':
      gap()
      unlessRefused(() => simulator.patch('namespaces', step.namespace, { metadata: { labels: { env: step.env } } }))
      return stage.truth.look(cluster)
    case 'cut':
      return simulator.cutWatches(step.resource, step.when)
    case 'cut-inside':
      return simulator.cutInside(step.text)
    case 'end':
      return simulator.endWatches(step.resource)
    case 'stall':
      return simulator.stallWatches()
    case 'resume':
      return simulator.resumeWatches()
    case 'refuse':
      return simulator.refuse()
    case 'restore':
      return simulator.restore()
    case 'bookmarks':
      return simulator.sendBookmarks()
    case 'audit':
      gap()
      return stage.lab.agent(cluster).audit()
    case 'compact':
      gap()
      return simulator.compact(step.as)
    case 'expire-page':
      return simulator.failNext({ match: ({ query }) => query.continue !== undefined, status: 410 })
    case 'fail':
      return fail(step, stage, simulator)
    case 'split':
      return simulator.splitChunks(step.bytes)
    case 'forbid':
      return simulator.forbid(step.resource)
    case 'allow':
      return simulator.allow(step.resource)
    case 'backup':
      return void stage.backups.set(cluster, simulator.backup())
    case 'restore-backup':
      return restoreBackup(cluster, stage)
    case 'remove-kind':
      gap()
      unlessRefused(() => simulator.removeResource(widgets))
      return stage.truth.look(cluster)
    case 'add-kind':
      return addKind(simulator)
    case 'serve-in':
      gap()
      unlessRefused(() => simulator.serveIn(widgets, step.versions))
      return stage.truth.look(cluster)
  }
}

function fail({ cluster, verb, resource, how, times }: Extract<ServerStep, { do: 'fail' }>, stage: Stage, simulator: Simulator) {
  if (how.errorEvent !== undefined || how.empty !== undefined || how.emptyList !== undefined || how.status === 410)
    stage.gaps.add(cluster)
  if (how.emptyList !== undefined) {
    stage.untrue.add(cluster)
    stage.lied.add(cluster)
  }
  simulator.failNext({ match: { verb, ...(resource === undefined ? {} : { resource }) }, ...how, times })
}

function restoreBackup(cluster: ClusterName, stage: Stage): void {
  const backup = stage.backups.get(cluster)
  if (backup === undefined) return
  stage.gaps.add(cluster)
  stage.untrue.add(cluster)
  stage.lab.cluster(cluster).restoreBackup(backup)
  stage.truth.look(cluster)
}

function addKind(simulator: Simulator): void {
  try {
    simulator.list(widgets)
  } catch {
    simulator.addResource(widgetKind)
  }
}

async function driveProcess(step: ProcessStep, stage: Stage): Promise<void> {
  const { lab } = stage
  if (step.do === 'clock') {
    const { clock } = step.of === 'hub' ? lab.hub : lab.agent(step.of)
    return clock.setWrong(step.wrongMs)
  }
  if (step.do === 'hub') return driveHub(step.act, stage)
  const agent = lab.agent(step.cluster)
  if (step.do === 'link') {
    const relay = agent.running?.relay
    if (step.act === 'cut') relay?.cut()
    else if (step.act === 'hold') relay?.hold()
    else relay?.resume()
    return
  }
  stage.gaps.add(step.cluster)
  if (step.act === 'kill') await agent.kill()
  else if (step.act === 'start') await agent.start()
  else await agent.startAnother()
}

async function driveHub(act: Extract<ProcessStep, { do: 'hub' }>['act'], stage: Stage): Promise<void> {
  const { hub } = stage.lab
  switch (act) {
    case 'kill':
      return hub.kill()
    case 'stop':
      return hub.stop()
    case 'start':
      return hub.start()
    case 'copy':
      stage.copy = hub.running === undefined ? stage.copy : await copyOf(hub)
      return
    case 'restore':
    case 'lose':
      if (act === 'restore' && stage.copy === undefined) return
      await hub.kill()
      await hub.replaceDatabase(act === 'lose' ? undefined : stage.copy?.file)
      stage.restores.push({
        at: stage.truth.now(),
        ...(act === 'lose' || !stage.copy ? { head: 0, uids: new Set() } : stage.copy),
      })
      for (const cluster of clusterNames) stage.gaps.add(cluster)
      return hub.start()
  }
}

async function doOther(step: Exclude<OtherStep, { do: 'check' }>, stage: Stage): Promise<void> {
  if (step.do === 'receiver') return stage.lab.receiver(step.name).answerWith(answerOf(step.mode))
  if (step.do === 'resync') {
    await stage.lab.hub.running?.delivery.resync(step.name, { dropBacklog: step.dropBacklog })
    return
  }
  if (step.do === 'commit') return commit(changed(stage.config, step.change), stage)
  for (let i = 0; i < step.turns; i++) await new Promise((resolve) => setImmediate(resolve))
  if (step.ms > 0) await sleep(step.ms)
}

/** What does not compile stays in its author's checkout. */
async function commit(config: ConfigModel, stage: Stage): Promise<void> {
  const { lab, truth } = stage
  const before = lab.snapshot
  await lab.commit(manifestsOf(config, (name) => lab.receiver(name).url)).catch(() => {})
  if (lab.snapshot === before) return
  stage.config = config
  truth.committed(lab.snapshot)
}

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
  await audit(stage)
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
