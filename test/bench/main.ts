/**
 * `npm run bench [store|hub-alone|tracing|isolation|full-speed|single-change|first-sync|memory|resync|weekend|million]…`: prints each figure beside its limit from the same run. Without a name: all.
 * It takes a few minutes, stops by itself and leaves nothing behind.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import '../../deploy/bundle.ts' // the agent is measured as it is shipped
import { type Cluster, startRealCluster, startSimulatedCluster } from '../support/cluster.ts'
import { findAssets } from '../support/envtest/assets.ts'
import { benchHubAlone } from './delivery/hub-alone.ts'
import { benchIsolation } from './delivery/isolation.ts'
import { benchTracing } from './delivery/tracing.ts'
import { benchFirstSync } from './first-sync.ts'
import { benchFullSpeed } from './full-speed.ts'
import { benchMemory } from './memory.ts'
import { benchMillion } from './million.ts'
import { benchResync } from './resync.ts'
import { benchSingleChange } from './single-change.ts'
import { benchStore } from './store.ts'
import { benchWeekend } from './weekend.ts'

const assets = await findAssets()
const startCluster = assets === undefined ? startSimulatedCluster : startRealCluster

const figures: Readonly<Record<string, () => Promise<unknown>>> = {
  store: () => benchStore(),
  'hub-alone': () => benchHubAlone(),
  tracing: () => onCluster(startSimulatedCluster, benchTracing),
  isolation: () => onCluster(startSimulatedCluster, benchIsolation),
  'full-speed': () => onCluster(startCluster, benchFullSpeed),
  'single-change': () => onCluster(startCluster, benchSingleChange),
  'first-sync': () => onCluster(startCluster, benchFirstSync),
  memory: () => onCluster(startSimulatedCluster, benchMemory),
  resync: () => onCluster(startSimulatedCluster, benchResync),
  weekend: () => onCluster(startSimulatedCluster, benchWeekend),
  million: () => benchMillion(),
}

async function onCluster(start: typeof startCluster, run: (cluster: Cluster) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-bench-'))
  await using scope = new AsyncDisposableStack()
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  await run(scope.use(await start('bench', dir)))
}

const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(figures)
const unknown = asked.filter((name) => !Object.hasOwn(figures, name))
if (unknown.length > 0) {
  console.error(`expected some of ${Object.keys(figures).join(', ')}, got ${unknown.join(', ')}`)
  process.exitCode = 2
} else {
  const where = assets === undefined ? 'the simulator (no real API server found)' : 'a real API server'
  console.log(`clusters: ${where}; ${availableParallelism()} processors, load average ${loadavg()[0]?.toFixed(1)}`)
  for (const name of asked) await figures[name]?.()
}
