/**
 * Labels of the cluster's namespaces, for watches that select namespaces by them. Fed as a sink by the reflector of the kind `namespaces`, which may
 * serve streams as well. Whoever matched objects with labels that have changed since is told, and compares anew.
 * A list that lacks more than half of the namespaces is believed when it comes a second time: what a missing one holds would leave its watches.
 */
import { type KubeObject, labelsOf } from '@watch-hub/shared/pipeline/object'
import type { Labels } from '@watch-hub/shared/pipeline/selector'
import { waitingRoom } from '../waiting-room.ts'
import type { Sink } from './reflector.ts'

export interface NamespaceLabels {
  /** Undefined = no such namespace is known. */
  of(namespace: string): Labels | undefined
  /** Resolves once all namespaces were seen. */
  ready(signal: AbortSignal): Promise<void>
  /** Why they are not, for people. */
  readonly trouble: string | undefined
  readonly sink: Sink
}

/** `onChange`: a namespace appeared, or its labels are others than before. Not called for the first list, nor for deletions: a namespace goes after its objects. */
export function createNamespaceLabels(onChange: (before: Labels | undefined, after: Labels) => void): NamespaceLabels {
  const known = new Map<string, Labels>()
  const waiting = waitingRoom({ inOrder: false })
  let shown = new Set<string>()
  let complete = false
  let doubted = false
  let trouble: string | undefined

  const put = (object: KubeObject) => {
    const { name } = object.metadata
    const before = known.get(name)
    const after = labelsOf(object)
    known.set(name, after)
    if (complete && JSON.stringify(before) !== JSON.stringify(after)) onChange(before, after)
  }

  return {
    of: (namespace) => known.get(namespace),
    ready: (signal) => waiting.wait(() => complete, signal),
    get trouble() {
      return trouble
    },
    sink: {
      begin: () => {
        shown = new Set()
      },
      listed: async (objects) => {
        for (const object of objects) {
          shown.add(object.metadata.name)
          put(object)
        }
      },
      complete: async () => {
        const missing = [...known.keys()].filter((name) => !shown.has(name))
        doubted = !doubted && missing.length * 2 > known.size
        if (doubted) return false
        for (const name of missing) known.delete(name)
        complete = true
        waiting.look()
        return true
      },
      event: async ({ type, object }) => {
        if (type === 'DELETED') known.delete(object.metadata.name)
        else put(object)
      },
      state: (state) => {
        trouble = state.reason
      },
    },
  }
}

/** Both sinks are told, the first one first. */
export const bothSinks = (first: Sink, second: Sink): Sink => ({
  begin: (kind, cause) => {
    first.begin(kind, cause)
    second.begin(kind, cause)
  },
  listed: async (objects) => {
    await first.listed(objects)
    await second.listed(objects)
  },
  complete: async () => (await first.complete()) && (await second.complete()),
  event: async (event) => {
    await first.event(event)
    await second.event(event)
  },
  state: (state) => {
    first.state(state)
    second.state(state)
  },
})
