/** Changes of objects: done at once, and written down. */
import { ApiError } from '../support/api-server-simulator/status.ts'
import type { Stage } from './stage.ts'
import type { ObjectStep, Shape } from './step.ts'

export function changeObject(step: ObjectStep, stage: Stage): void {
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
export function unlessRefused(change: () => unknown): void {
  try {
    change()
  } catch (error) {
    const refused = error instanceof ApiError || (error instanceof Error && error.message.includes('the simulator serves no'))
    if (!refused) throw error
  }
}
