/** What came of it: once all is quiet, what every endpoint was told is held against what happened in the clusters. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import type { Simulator } from '../api-server-simulator/simulator.ts'
import { holesIn } from './holes.ts'
import { isBallast, isWanted, type Kind } from './load.ts'
import { concurrencyOf, type Outlet, type Stage, type Town, type Wishes } from './stage.ts'
import type { Findings } from './witness.ts'

export interface Verdict {
  /** Since the check before. */
  readonly changes: number
  readonly rows: readonly Row[]
}

export interface Row extends Omit<Findings, 'overtaken'> {
  readonly endpoint: string
  /** Batches that it may have in flight. */
  readonly concurrency: number
  /** One sentence each: objects that the receiver has wrong, and changes that did not arrive although they had to. */
  readonly lost: readonly string[]
}

const kinds: readonly Kind[] = ['services', 'configmaps']
const quietMs = 90_000

/**
 * Pauses the loads, heals the receiver that is ill, lets everything arrive, and looks. Hub and agents must run. Rejects when it does not become
 * quiet. Of what was given up the receiver cannot know; `redeem` tells it.
 */
export async function judge(stage: Stage): Promise<Verdict> {
  const { towns, outlets, letters } = stage
  for (const { load } of towns) load.pause()
  stage.mood.ill(false)
  await quiet(stage)
  await letters.look()
  for (const outlet of outlets)
    await outlet.receiver.waitFor(() => lostBy(stage, outlet).length === 0, 'the picture of the clusters', 20_000).catch(() => {}) // what is different then is the verdict
  const rows = outlets.map((outlet) => rowOf(stage, outlet))
  const changes = towns.reduce((sum, town) => sum + town.changes.length, 0)
  beginAnew(stage)
  stage.mood.ill(true)
  return { changes, rows }
}

/** Replays all that was given up, and looks whether every receiver then holds exactly what the clusters hold. Answers with what is wrong. */
export async function redeem(stage: Stage): Promise<readonly string[]> {
  const { letters, outlets } = stage
  stage.mood.ill(false)
  for (let left = (await letters.look()).length; left > 0; left = (await letters.look()).length) {
    const dealtWith = await letters.replay()
    await quiet(stage)
    if (dealtWith === 0) return [`of ${left} dead letters none could be told again`]
  }
  await quiet(stage)
  return outlets.flatMap(({ receiver, name }) =>
    differences(stage, receiver.table, name).map(({ what }) => `${name}, all told again: ${what}`),
  )
}

async function quiet({ world, commit }: Stage): Promise<void> {
  await world.status(
    ({ clusters, endpoints, config }) =>
      config.live?.commit === commit &&
      clusters.every(({ connected, streams }) => connected && streams.every(({ state }) => state.state === 'live')) &&
      endpoints.every(({ backlog, scans, parked }) => backlog === 0 && scans.length === 0 && parked.objects === 0),
    'quiet',
    quietMs,
  )
}

function rowOf(stage: Stage, outlet: Outlet): Row {
  const { outOfOrder, overtaken, ...findings } = outlet.witness.findings()
  return {
    ...findings,
    endpoint: outlet.name,
    concurrency: concurrencyOf[outlet.name],
    lost: [...lostBy(stage, outlet), ...(outlet.name === 'every' ? holes(stage.towns, outlet) : [])],
    outOfOrder: [...outOfOrder, ...overtaken.filter(({ uid }) => !isGivenUp(stage, outlet, uid)).map(({ what }) => what)],
  }
}

const lostBy = (stage: Stage, outlet: Outlet): readonly string[] =>
  differences(stage, outlet.receiver.table, outlet.name)
    .filter(({ uid }) => !isGivenUp(stage, outlet, uid))
    .map(({ what }) => what)

/** An event of the object is or was a dead letter: the receiver may not know of it. */
const isGivenUp = ({ letters }: Stage, { name }: Outlet, uid: string): boolean => name === 'flaky' && letters.uids.has(uid)

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

interface Difference {
  /** Of the object. */
  readonly uid: string
  readonly what: string
}

function differences({ towns, wishes }: Stage, table: Table, endpoint: string): readonly Difference[] {
  const hearsBallast = wishes.ballast.includes(endpoint)
  const expected = new Map(towns.flatMap(({ cluster }) => picture(cluster.simulator, wishes, hearsBallast)))
  const wrong = [...expected].flatMap(([key, object]) => {
    const got = table.get(key)
    const { uid, name } = object.metadata
    const what = `${object.kind} ${name} (${key})`
    if (got === undefined) return [{ uid, what: `${what} is not there` }]
    return isDeepStrictEqual(got.object, withoutVersion(object)) ? [] : [{ uid, what: `${what} is not as it is in the cluster` }]
  })
  const surplus = [...table].flatMap(([key, { name, object }]) =>
    expected.has(key) || (!hearsBallast && name.startsWith('ballast-'))
      ? []
      : [{ uid: key.slice(key.indexOf('/') + 1), what: `${String(object?.kind)} ${name} (${key}) should not be there` }],
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
