/** What came of it: once all is quiet, what every endpoint was told is held against what happened in the clusters. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import type { Simulator } from '../api-server-simulator/simulator.ts'
import { holesIn } from './holes.ts'
import { isBallast, isWanted, type Kind } from './load.ts'
import type { Outlet, Stage, Town, Wishes } from './stage.ts'
import type { Findings } from './witness.ts'

export interface Verdict {
  /** Since the check before. */
  readonly changes: number
  readonly rows: readonly Row[]
}

export interface Row extends Findings {
  readonly endpoint: string
  /** One sentence each: objects that the receiver has wrong, and changes that did not arrive although they had to. */
  readonly lost: readonly string[]
}

const kinds: readonly Kind[] = ['services', 'configmaps']
const quietMs = 90_000

/** Pauses the loads, lets everything arrive, and looks. Hub and agents must run. Rejects when it does not become quiet. */
export async function judge(stage: Stage): Promise<Verdict> {
  const { towns, outlets, world } = stage
  for (const { load } of towns) load.pause()
  await world.status(
    ({ clusters, endpoints, config }) =>
      config.live?.commit === stage.commit &&
      clusters.every(({ connected, streams }) => connected && streams.every(({ state }) => state.state === 'live')) &&
      endpoints.every(({ backlog, scans }) => backlog === 0 && scans.length === 0),
    'quiet',
    quietMs,
  )
  for (const { receiver, name } of outlets)
    await receiver
      .waitFor(() => differences(stage, receiver.table, name).length === 0, 'the picture of the clusters', 20_000)
      .catch(() => {}) // what is different then is the verdict
  const rows = outlets.map((outlet) => ({
    ...outlet.witness.findings(),
    endpoint: outlet.name,
    lost: [...differences(stage, outlet.receiver.table, outlet.name), ...(outlet.name === 'every' ? holes(towns, outlet) : [])],
  }))
  const changes = towns.reduce((sum, town) => sum + town.changes.length, 0)
  beginAnew(stage)
  return { changes, rows }
}

/** All that was said is looked at: what is kept in memory does not grow with time. */
function beginAnew({ towns, outlets }: Stage): void {
  for (const { changes, begins, cluster } of towns) {
    changes.length = begins.length = 0
    begins.push(Number(cluster.simulator?.resourceVersion))
    cluster.simulator?.requests.clear()
  }
  for (const { receiver, witness } of outlets) {
    receiver.clear()
    witness.forget()
  }
}

type Table = Outlet['receiver']['table']

function differences({ towns, wishes }: Stage, table: Table, endpoint: string): readonly string[] {
  const hearsBallast = wishes.ballast.includes(endpoint)
  const expected = new Map(towns.flatMap(({ cluster }) => picture(cluster.simulator, wishes, hearsBallast)))
  const wrong = [...expected].flatMap(([key, object]) => {
    const got = table.get(key)
    const what = `${object.kind} ${object.metadata.name} (${key})`
    if (got === undefined) return [`${what} is not there`]
    return isDeepStrictEqual(got.object, withoutVersion(object)) ? [] : [`${what} is not as it is in the cluster`]
  })
  const surplus = [...table].flatMap(([key, { name, object }]) =>
    expected.has(key) || (!hearsBallast && name.startsWith('ballast-'))
      ? []
      : [`${String(object?.kind)} ${name} (${key}) should not be there`],
  )
  return [...wrong, ...surplus]
}

function picture(simulator: Simulator | undefined, { pruned }: Wishes, withBallast: boolean): readonly [string, KubeObject][] {
  if (simulator === undefined) return []
  return kinds.flatMap((kind) =>
    simulator
      .list(kind)
      .filter((object) => isWanted(object, kind) || (withBallast && isBallast(object)))
      .map((object): [string, KubeObject] => [
        `${simulator.clusterUid}/${object.metadata.uid}`,
        pruned && kind === 'services' ? withoutNoise(object) : object,
      ]),
  )
}

function withoutNoise(object: KubeObject): KubeObject {
  const { noise: _noise, ...annotations } = { ...(object.metadata.annotations ?? {}), noise: '' }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

function withoutVersion({ metadata, ...object }: KubeObject) {
  const { resourceVersion: _version, ...rest } = metadata
  return { ...object, metadata: rest }
}

const holes = (towns: readonly Town[], { witness }: Outlet): readonly string[] =>
  towns.flatMap(({ cluster, changes, begins }) =>
    kinds.flatMap((kind) => {
      const watches = cluster.simulator?.requests.all.filter(({ verb, resource }) => verb === 'watch' && resource === kind) ?? []
      const starts = [...begins, ...watches.map(({ query }) => Number(query.resourceVersion))]
      const heard = ({ version }: { readonly version: number }) => witness.heardLive(cluster.name, kind, version)
      const ofKind = changes.filter((change) => change.kind === kind)
      return holesIn(ofKind, starts, heard).map((version) => `version ${version} of ${cluster.name} ${kind} did not arrive`)
    }),
  )
