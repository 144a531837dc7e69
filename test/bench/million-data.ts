/** A data folder with 50 clusters of 20,000 objects each, as frames of agents fill it. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Identity, identityOf, newIdentity } from '@watch-hub/cluster-agent/identity'
import { compile } from '@watch-hub/hub/config/compile'
import { readFolder } from '@watch-hub/hub/config/folder'
import type { Snapshot } from '@watch-hub/hub/config/model'
import { createParser } from '@watch-hub/hub/config/parse'
import { activationOf, planFor } from '@watch-hub/hub/config/plan'
import { openStore } from '@watch-hub/hub/store/sqlite'
import type { Store } from '@watch-hub/hub/store/store'
import type { Frame, ObjectEntry } from '@watch-hub/shared/protocol/frames'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { writeManifests } from './manifests.ts'

export const clusters = 50
export const objectsPerCluster = 20_000
export const bodyBytes = 2_000

const entriesPerFrame = 500
const framesInFlight = 8
const clusterName = (i: number): string => `cluster-${String(i).padStart(2, '0')}`

export interface Filled {
  readonly repo: string
  readonly dataDir: string
  /** Of each cluster's agent. */
  readonly identities: readonly Identity[]
  readonly ms: number
}

/** `dir` is empty. Its one endpoint has passed everything; the log still holds all rows, as on the first day. */
export async function fill(dir: string, receiverUrl: string): Promise<Filled> {
  const repo = join(dir, 'config')
  const dataDir = join(dir, 'hub-data')
  await mkdir(repo)
  const snapshot = await configure(repo, receiverUrl)
  const began = performance.now()
  await using store = await openStore({ file: join(dataDir, 'hub.db') })
  await store.activate(activationOf(snapshot))
  const identities: Identity[] = []
  for (let i = 0; i < clusters; i++) identities.push(await fillCluster(store, clusterName(i), planOf(snapshot, clusterName(i))))
  await store.freeze({ endpoint: 'receiver', settled: [], batches: [], cursor: await store.head() })
  return { repo, dataDir, identities, ms: performance.now() - began }
}

async function configure(repo: string, url: string): Promise<Snapshot> {
  await writeManifests(join(repo, 'all.yaml'), [
    ...Array.from({ length: clusters }, (_, i) => ({ kind: 'Cluster', metadata: { name: clusterName(i) }, spec: {} })),
    { kind: 'Endpoint', metadata: { name: 'receiver' }, spec: { url } },
    { kind: 'Watch', metadata: { name: 'all' }, spec: { resources: ['configmaps'], endpoints: ['receiver'] } },
  ])
  const signal = new AbortController().signal
  const reading = await readFolder(repo, signal)
  if (reading.kind !== 'read') throw new Error(`expected the manifests to be read, got ${JSON.stringify(reading)}`)
  const compiled = compile({ commit: reading.commit, parsed: await createParser().parse(reading.files, signal) })
  if (!compiled.ok) throw new Error(`expected manifests that compile, got ${JSON.stringify(compiled.problems)}`)
  return compiled.snapshot
}

function planOf(snapshot: Snapshot, cluster: string): Plan {
  const plan = planFor(snapshot, cluster)
  if (plan === undefined) throw new Error(`expected a plan for ${cluster}, got none`)
  return plan
}

async function fillCluster(store: Store, cluster: string, plan: Plan): Promise<Identity> {
  const identity = identityOf({ ...newIdentity({ cluster, clusterUid: `uid-of-${cluster}` }), hub: store.hubId })
  const { publicKey, record } = identity
  const token = { hash: `token-of-${cluster}`, cluster }
  await store.saveToken({ ...token, expiresAt: Date.now() + 60_000, replace: false })
  await store.join({ cluster, tokenHash: token.hash, publicKey, clusterUid: record.clusterUid, now: Date.now() })
  await store.openProcess(cluster, 0)
  const frames = framesOf(cluster, plan)
  await Promise.all(
    Array.from({ length: framesInFlight }, async () => {
      for (const frame of frames) {
        const stored = await store.append(cluster, frame)
        if (stored.kind !== 'stored') throw new Error(`expected a stored frame, got ${JSON.stringify(stored)}`)
      }
    }),
  )
  return identity
}

function* framesOf(cluster: string, { hash, streams: [planned] }: Plan): Generator<Frame> {
  if (planned === undefined) throw new Error(`expected one stream for ${cluster}, got none`)
  const { id, group, resource } = planned
  const streams = [{ id, group, resource, version: 'v1', kind: 'ConfigMap', namespaced: true }]
  for (let number = 1; number <= objectsPerCluster / entriesPerFrame; number++) {
    const entries = Array.from({ length: entriesPerFrame }, (_, i) => entryOf(cluster, (number - 1) * entriesPerFrame + i))
    yield { plan: hash, process: 1, number, streams, sealedAt: Date.now(), entries }
  }
}

function entryOf(cluster: string, i: number): ObjectEntry {
  const hash = randomBytes(16).toString('hex')
  const metadata = {
    name: `object-${i}`,
    namespace: `team-${i % 100}`,
    uid: `${hash.slice(0, 8)}-0000-4000-8000-${String(i).padStart(12, '0')}`,
  }
  const start = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, cluster }).slice(0, -1)
  return {
    ...{ s: 0, uid: metadata.uid, namespace: metadata.namespace, name: metadata.name, resourceVersion: String(1_000 + i) },
    ...{ cause: 'list', change: 'added', matches: ['all'], hash, observedAt: Date.now() },
    body: `${start},"data":{"text":"${hash.repeat(Math.ceil(bodyBytes / 32)).slice(0, bodyBytes - start.length - 22)}"}}`,
  }
}
