/** The truth over time: every state of every object that the clusters ever held, and every config that was in force. */
import { isDeepStrictEqual } from 'node:util'
import type { Snapshot } from '@watch-hub/hub/config/model'
import { labelsOf } from '@watch-hub/shared/pipeline/object'
import type { Labels } from '@watch-hub/shared/pipeline/selector'
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { widgets } from './config.ts'
import type { ObjectState } from './wanted.ts'

/** Things that happened are counted: later ones have higher numbers. */
export type Moment = number

export interface Life {
  readonly cluster: string
  readonly uid: string
  /** In order. Undefined = it is gone; it can come back from a backup. */
  readonly states: { readonly at: Moment; readonly state: ObjectState | undefined }[]
}

export interface Chronicle {
  now(): Moment
  /** Writes down what the cluster holds now. To be called after each single change. */
  look(cluster: string): void
  /** By `cluster uid/object uid`. */
  readonly lives: ReadonlyMap<string, Life>
  /** Every set of labels that a namespace ever had, by `cluster namespace`. */
  readonly labels: ReadonlyMap<string, readonly Labels[]>
  readonly configs: readonly { readonly at: Moment; readonly snapshot: Snapshot }[]
  committed(snapshot: Snapshot): void
}

const resources = ['services', 'configmaps', widgets]

export function chronicle(clusters: ReadonlyMap<string, Simulator>): Chronicle {
  let moment = 0
  const lives = new Map<string, Life>()
  const configs: { readonly at: Moment; readonly snapshot: Snapshot }[] = []

  const everLabels = new Map<string, Labels[]>()

  const lookAtNamespaces = (cluster: string, simulator: Simulator): ReadonlyMap<string, Labels> => {
    const labels = new Map(simulator.list('namespaces').map((object) => [object.metadata.name, labelsOf(object)]))
    for (const [namespace, now] of labels) {
      const known = everLabels.get(`${cluster} ${namespace}`) ?? []
      everLabels.set(`${cluster} ${namespace}`, known)
      if (!known.some((each) => isDeepStrictEqual(each, now))) known.push(now)
    }
    return labels
  }
  const statesOf = (simulator: Simulator, labels: ReadonlyMap<string, Labels>): ReadonlyMap<string, ObjectState> => {
    const found = new Map<string, ObjectState>()
    for (const resource of resources)
      for (const object of listed(simulator, resource))
        found.set(object.metadata.uid, { resource, object, namespaceLabels: labels.get(object.metadata.namespace ?? '') ?? {} })
    return found
  }
  return {
    now: () => ++moment,
    look: (cluster) => {
      const simulator = clusters.get(cluster)
      if (simulator === undefined) throw new Error(`expected a cluster of the lab, got ${cluster}`)
      const at = ++moment
      const present = statesOf(simulator, lookAtNamespaces(cluster, simulator))
      for (const [uid, state] of present) {
        const key = `${simulator.clusterUid}/${uid}`
        const life = lives.get(key) ?? { cluster, uid, states: [] }
        lives.set(key, life)
        if (differs(life.states.at(-1)?.state, state)) life.states.push({ at, state })
      }
      for (const life of lives.values())
        if (life.cluster === cluster && !present.has(life.uid) && life.states.at(-1)?.state !== undefined)
          life.states.push({ at, state: undefined })
    },
    lives,
    labels: everLabels,
    configs,
    committed: (snapshot) => {
      configs.push({ at: ++moment, snapshot })
    },
  }
}

/** Nothing, while the kind is not served. */
function listed(simulator: Simulator, resource: string) {
  try {
    return simulator.list(resource)
  } catch {
    return []
  }
}

const differs = (before: ObjectState | undefined, now: ObjectState): boolean =>
  before === undefined ||
  !isDeepStrictEqual(before.object, now.object) ||
  !isDeepStrictEqual(before.namespaceLabels, now.namespaceLabels)
