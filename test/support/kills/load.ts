/**
 * What happens in one simulated cluster while things are killed around it: objects are created, changed, deleted, made again under their old
 * name, and moved into and out of what the watches want. Seeded, and in the order of the cluster's versions.
 */
import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Simulator } from '../api-server-simulator/simulator.ts'
import type { Json } from '../kube-client.ts'
import type { Random } from './random.ts'

export type Kind = 'services' | 'configmaps'

/** One change, as the cluster counts it. */
export interface Change {
  readonly kind: Kind
  readonly version: number
  /** A watch wanted the object before it or wants it after it: someone has to hear of it. */
  readonly concerns: boolean
}

export interface Load extends AsyncDisposable {
  /** Ends with the change under way. */
  pause(): void
  goOn(): void
  /** Makes so many changes at once. */
  burst(changes: number): void
  /** While true, nothing is deleted and nothing leaves the scope. */
  keepAll(keep: boolean): void
}

export interface LoadSettings {
  readonly simulator: Simulator
  readonly random: Random
  readonly onChange: (change: Change) => void
}

const kinds: readonly Kind[] = ['services', 'configmaps']
const names = 30
const everyMs = 20
/** Objects that only change and never go, more than one page of a list and more than one chunk of a scan. */
const ballast = 600
const ballastBytes = 4_000

/** Whether the watches of `stage.ts` want it, leaving the ballast aside. */
export const isWanted = ({ metadata, spec }: KubeObject, kind: Kind): boolean =>
  kind === 'services' ? isTyped(spec, 'LoadBalancer') : metadata.labels?.watched === 'yes'

const isTyped = (spec: unknown, type: string): boolean =>
  typeof spec === 'object' && spec !== null && 'type' in spec && spec.type === type

export const isBallast = ({ metadata }: KubeObject): boolean => metadata.labels?.ballast === 'yes'

export function startLoad({ simulator, random, onChange }: LoadSettings): Load {
  let paused = true
  let keeping = false
  let revision = 0

  const noise = () => ({ revision: String(++revision), noise: String(random.whole(1_000)) })
  const made = (kind: Kind, name: string, wanted: boolean): Json =>
    kind === 'services'
      ? { metadata: { name, annotations: noise() }, spec: { type: wanted ? 'LoadBalancer' : 'ClusterIP', ports: [{ port: 80 }] } }
      : { metadata: { name, annotations: noise(), labels: { watched: wanted ? 'yes' : 'no' } }, data: { text: name } }
  const moved = (kind: Kind, wanted: boolean): Json =>
    kind === 'services'
      ? { spec: { type: wanted ? 'LoadBalancer' : 'ClusterIP' } }
      : { metadata: { labels: { watched: wanted ? 'yes' : 'no' } } }

  const note = (kind: Kind, object: KubeObject, concerns: boolean) =>
    onChange({ kind, version: Number(object.metadata.resourceVersion), concerns })

  const create = (kind: Kind, name: string) => {
    const wanted = random.chance(0.8)
    note(kind, simulator.create(kind, made(kind, name, wanted)), wanted)
  }
  const remove = (kind: Kind, name: string, wanted: boolean) => note(kind, simulator.delete(kind, `default/${name}`), wanted)
  const change = (kind: Kind, name: string, patch: Json, concerns: boolean) =>
    note(kind, simulator.patch(kind, `default/${name}`, patch), concerns)

  const step = () => {
    if (random.chance(0.03)) {
      change('configmaps', `ballast-${random.whole(ballast)}`, { metadata: { annotations: noise() } }, false)
      return
    }
    const kind = random.pick(kinds)
    const name = `${kind}-${random.whole(names)}`
    const object = simulator.get(kind, `default/${name}`)
    if (object === undefined) return create(kind, name)
    const wanted = isWanted(object, kind)
    const dice = keeping ? 1 : random.next()
    if (dice < 0.12) remove(kind, name, wanted)
    else if (dice < 0.24) {
      remove(kind, name, wanted)
      create(kind, name)
    } else if (dice < 0.4) change(kind, name, { ...moved(kind, !wanted) }, true)
    else change(kind, name, { metadata: { annotations: noise() } }, wanted)
  }
  const burst = (changes: number) => {
    for (let i = 0; i < changes; i++) step()
  }

  for (let i = 0; i < ballast; i++)
    simulator.create('configmaps', {
      metadata: { name: `ballast-${i}`, labels: { ballast: 'yes' }, annotations: noise() },
      data: { text: 'x'.repeat(ballastBytes) },
    })
  burst(2 * names)
  const task = new Task(async (signal) => {
    for (;;) {
      await sleep(everyMs, signal)
      if (!paused) burst(random.whole(3))
    }
  })
  return {
    pause: () => {
      paused = true
    },
    goOn: () => {
      paused = false
    },
    burst,
    keepAll: (keep) => {
      keeping = keep
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}
