/**
 * A hub with 1,000,000 objects: what a start costs, what it holds then, how it answers, and how long a backup takes. The objects are put
 * there by frames, through the store; the hub is a process of its own. Its limits: a start reads no objects, a status none either.
 */
import { mkdtemp, readFile, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startHubLink } from '@watch-hub/cluster-agent/hub-link'
import type { Identity } from '@watch-hub/cluster-agent/identity'
import { createOutbox } from '@watch-hub/cluster-agent/outbox'
import { dial } from '@watch-hub/cluster-agent/transport'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { hubProgram, type Program, startProgram } from '../support/program.ts'
import { startReceiver } from '../support/receiver.ts'
import { freePort } from '../support/world.ts'
import { hubAsShipped } from './as-shipped.ts'
import { bodyBytes, clusters, type Filled, fill, objectsPerCluster } from './million-data.ts'
import { mb, ms, perSecond, quantile } from './numbers.ts'
import { memoryOf, told } from './process-memory.ts'

const objects = clusters * objectsPerCluster

export async function benchMillion(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-bench-'))
  await using scope = new AsyncDisposableStack()
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const { bavail, bsize } = await statfs(dir)
  if (process.platform !== 'linux' || bavail * bsize < 16e9) {
    console.log('million: not measured, it needs /proc and 16 GB of free disk')
    return
  }
  const receiver = scope.use(await startReceiver())
  const filled = await fill(dir, receiver.url)
  const { size } = await stat(join(filled.dataDir, 'hub.db'))
  console.log(
    `million: ${clusters} clusters × ${objectsPerCluster} objects of ${bodyBytes} bytes: filled at ${perSecond(objects, filled.ms)} objects/s, ` +
      `database ${mb(size)} with all rows in the log, bodies alone ${mb(objects * bodyBytes)}`,
  )
  await measureHub(dir, filled)
}

async function measureHub(dir: string, { repo, dataDir, identities }: Filled): Promise<void> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const began = performance.now()
  const args = [
    'serve',
    '--config-repo',
    repo,
    '--data',
    dataDir,
    '--listen',
    `127.0.0.1:${port}`,
    '--allow-egress',
    '127.0.0.0/8',
  ]
  await using hub = startProgram(hubProgram, args, hubAsShipped)
  await hub.line((line) => line.includes('the hub listens'), 'listening hub', 120_000)
  const listensMs = performance.now() - began
  await ready(url)
  const readyMs = performance.now() - began
  console.log(
    `million: the hub listens after ${ms(listensMs)}, ready after ${ms(readyMs)}; memory ${told(await memoryOf(hub.pid))}`,
  )
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  await measureStatus(url, token)
  await measureIndex({ url, identities, hub })
  await measureBackup(dir, dataDir, hub)
  const stopped = performance.now()
  await hub.end('SIGTERM')
  console.log(`million: stopped within ${ms(performance.now() - stopped)}`)
}

async function ready(url: string): Promise<void> {
  while (!(await fetch(`${url}/readyz`)).ok) await sleep(20)
}

async function measureStatus(url: string, token: string): Promise<void> {
  const ask = async (path: string) => {
    const began = performance.now()
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    await answer.text()
    if (!answer.ok) throw new Error(`${path}: expected 200, got ${answer.status}`)
    return performance.now() - began
  }
  const first = await ask('/api/v1/status')
  const later = []
  for (let i = 0; i < 20; i++) later.push(await ask('/api/v1/status'))
  const metrics = await ask('/metrics')
  console.log(
    `million: status first ${ms(first)}, then p50 ${ms(quantile(later, 0.5))}, max ${ms(quantile(later, 1))} (limit 200 ms); metrics ${ms(metrics)}`,
  )
}

async function measureIndex(on: {
  readonly url: string
  readonly identities: readonly Identity[]
  readonly hub: Program
}): Promise<void> {
  const [first] = on.identities
  if (first === undefined) throw new Error('expected agents')
  const alone = await loadIndex(on.url, first)
  console.log(
    `million: index of one stream, ${objectsPerCluster} objects, in ${ms(alone)}; hub ${told(await memoryOf(on.hub.pid))}`,
  )
  const began = performance.now()
  await Promise.all(on.identities.map((identity) => loadIndex(on.url, identity)))
  console.log(
    `million: all ${clusters} agents load theirs at once in ${ms(performance.now() - began)}; hub ${told(await memoryOf(on.hub.pid))}`,
  )
}

/** As a new process of that agent does it. */
async function loadIndex(url: string, identity: Identity): Promise<number> {
  const planned = Promise.withResolvers<string>()
  const scope = new AbortController()
  await using link = startHubLink({
    dial: (signal) => dial({ url: new URL(url) }, signal),
    outbox: createOutbox(),
    identity: () => identity,
    rejoin: async () => false,
    status: () => ({ received: '', active: '', streams: {}, figures: {} }),
    onPlan: ({ streams: [stream] }) => planned.resolve(stream?.id ?? ''),
    onLostData: () => {},
    onReload: () => {},
    explain: async () => ({ plan: '', streams: [] }),
    sleep,
    log: silentLog,
  })
  const stream = await planned.promise
  const began = performance.now()
  let loaded = 0
  for await (const chunk of link.loadIndex(stream, scope.signal)) loaded += chunk.length
  if (loaded !== objectsPerCluster) throw new Error(`expected an index of ${objectsPerCluster} objects, got ${loaded}`)
  return performance.now() - began
}

async function measureBackup(dir: string, dataDir: string, hub: Program): Promise<void> {
  const file = join(dir, 'backup')
  const began = performance.now()
  await using cli = startProgram(hubProgram, ['backup', file, '--data', dataDir])
  const code = await cli.ended
  if (code !== 0) throw new Error(`expected a backup, got exit code ${code}: ${cli.output()}`)
  const { size } = await stat(file)
  console.log(
    `million: backup of ${mb(size)} in ${ms(performance.now() - began)}, looked at and on disk; hub ${told(await memoryOf(hub.pid))}`,
  )
}
