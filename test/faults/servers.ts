/** What API servers do wrong, and what happens to them. */
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { type ClusterName, widgets } from './config.ts'
import { unlessRefused } from './objects.ts'
import { type Stage, widgetKind } from './stage.ts'
import type { ServerStep } from './step.ts'

export async function breakServer(step: ServerStep, stage: Stage): Promise<void> {
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

export function addKind(simulator: Simulator): void {
  try {
    simulator.list(widgets)
  } catch {
    simulator.addResource(widgetKind)
  }
}
