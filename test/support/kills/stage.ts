/**
 * Where processes are killed: two simulated clusters, a hub and two agents as real processes, and three endpoints, each with a witness beside it:
 * `latest`, `every` (`history: every`, eight requests in flight) and `flaky`, which has eight in flight too and fails in every way. What the config says
 * can be changed while it runs.
 */
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, startSimulatedCluster } from '../cluster.ts'
import { createGitRepo, type GitRepo } from '../git-repo.ts'
import { killAt, tellingOf } from '../kill-at.ts'
import { manifest } from '../manifest.ts'
import { acceptedOf, type Receiver, startReceiver } from '../receiver.ts'
import { startWorld, type World } from '../world.ts'
import { type Letters, watchLetters } from './letters.ts'
import { type Change, type Load, startLoad } from './load.ts'
import { createMood, type Mood } from './mood.ts'
import { type Random, seeded } from './random.ts'
import { createWitness, type Witness } from './witness.ts'

const endpointNames = ['latest', 'every', 'flaky'] as const
type EndpointName = (typeof endpointNames)[number]

/** Batches in flight. */
export const concurrencyOf: Readonly<Record<EndpointName, number>> = { latest: 1, every: 8, flaky: 8 }
/** What it keeps failing on is given up soon. */
const patience = '2s'
const clusterNames = ['east', 'west'] as const

export interface Town {
  readonly cluster: Cluster
  readonly load: Load
  /** Since the last check. */
  readonly changes: Change[]
  /** Versions after which all changes were watched. */
  readonly begins: number[]
}

export interface Outlet {
  readonly name: EndpointName
  readonly receiver: Receiver
  readonly witness: Witness
}

/** What commits change. */
export interface Wishes {
  /** Who hears of the ballast. */
  readonly ballast: readonly string[]
  /** The watch of the services has another name. */
  readonly renamed: boolean
  /** An annotation of services does not leave the cluster. */
  readonly pruned: boolean
  readonly maxObjects: number
}

export const firstWishes: Wishes = { ballast: ['latest', 'every'], renamed: false, pruned: false, maxObjects: 10 }

export interface Stage extends AsyncDisposable {
  readonly random: Random
  readonly world: World
  /** For every process that is started in it. */
  readonly env: Readonly<Record<string, string>>
  readonly towns: readonly Town[]
  readonly outlets: readonly Outlet[]
  /** Of the receiver of `flaky`, and what was given up for it. */
  readonly mood: Mood
  readonly letters: Letters
  readonly wishes: Wishes
  /** The commit that says so. */
  readonly commit: string
  /** Commits; a hub that runs follows at its next look. */
  wish(wishes: Partial<Wishes>): Promise<void>
  /** While no hub runs: copies its database, or puts a copy in its place. */
  copyDatabase(): Promise<string>
  replaceDatabase(copy: string): Promise<void>
  /** How often an agent found that the hub had less than it had acknowledged. */
  readonly withdrawn: number
  /** What the processes said last. */
  readonly lastLines: readonly string[]
}

/** The hub and the agents run, the loads are paused. The same seed makes the same changes, though not at the same time. */
export async function setStage(seed: number): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const random = seeded(seed)
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-kills-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  const repo = building.use(await createGitRepo())
  const towns: Town[] = []
  for (const name of clusterNames) towns.push(await startTown({ name, dir, seed: random.whole(2 ** 31), scope: building }))
  const outlets: Outlet[] = []
  const mood = createMood(random)
  for (const name of endpointNames) outlets.push(await openOutlet({ name, mood, scope: building }))
  let wishes = firstWishes
  const diary = keepDiary()
  let commit = await writeConfig(repo, outlets, wishes)
  const world = building.use(
    await startWorld({ dir, repo: repo.url, secretsDir: dir, hubPort: await portToKeep(), onLog: diary.note }),
  )
  await world.status(({ config }) => config.live !== undefined, 'the first commit')
  const env = { NODE_COMPILE_CACHE: join(dir, 'compiled') }
  const startAll = async () => {
    await world.startHub({ env })
    await Promise.all(towns.map(({ cluster }) => world.startAgent(cluster, { env: { ...env, ...killAt() } })))
  }
  const stopAll = () =>
    Promise.all([world.hub(), ...clusterNames.map((name) => world.agent(name))].map((each) => each.end('SIGTERM')))
  // Only a process that ends by itself leaves what it compiled to those after it, and they start in half the time.
  await world.hub().end('SIGTERM')
  await startAll()
  await stopAll()
  await startAll()
  const database = join(world.dataDir, 'hub.db')
  let copies = 0
  const owned = building.move()
  return {
    random,
    world,
    env,
    towns,
    outlets,
    mood,
    letters: watchLetters(world, 'flaky'),
    get wishes() {
      return wishes
    },
    get commit() {
      return commit
    },
    wish: async (changed) => {
      wishes = { ...wishes, ...changed }
      commit = await writeConfig(repo, outlets, wishes)
    },
    copyDatabase: async () => {
      const copy = join(dir, `copy-${++copies}.db`)
      await copyFile(database, copy)
      return copy
    },
    replaceDatabase: async (copy) => {
      for (const beside of ['-wal', '-shm']) await rm(`${database}${beside}`, { force: true })
      await copyFile(copy, database)
    },
    get withdrawn() {
      return diary.withdrawn
    },
    lastLines: diary.lines,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const keptLines = 400

function keepDiary() {
  const lines: string[] = []
  let withdrawn = 0
  return {
    lines: lines as readonly string[],
    get withdrawn() {
      return withdrawn
    },
    note: (program: string, line: string) => {
      if (line === tellingOf('started-over')) withdrawn++
      lines.push(`${program}: ${line}`)
      if (lines.length > keptLines) lines.shift()
    },
  }
}

interface TownSettings {
  readonly name: string
  readonly dir: string
  readonly seed: number
  readonly scope: AsyncDisposableStack
}

async function startTown({ name, dir, seed, scope }: TownSettings): Promise<Town> {
  await mkdir(join(dir, name), { recursive: true })
  const cluster = scope.use(await startSimulatedCluster(name, dir))
  const { simulator } = cluster
  if (simulator === undefined) throw new Error('expected a simulated cluster')
  const changes: Change[] = []
  const load = scope.use(startLoad({ simulator, random: seeded(seed), onChange: (change) => changes.push(change) }))
  return { cluster, load, changes, begins: [] }
}

interface OutletSettings {
  readonly name: EndpointName
  readonly mood: Mood
  readonly scope: AsyncDisposableStack
}

async function openOutlet({ name, mood, scope }: OutletSettings): Promise<Outlet> {
  const witness = createWitness({ refuses: name === 'flaky' })
  const receiver = scope.use(
    await startReceiver({
      answer: (request) => {
        const answer = name === 'flaky' ? mood.answer(request) : {}
        witness.note(request, acceptedOf(request, answer))
        return answer
      },
    }),
  )
  return { name, receiver, witness }
}

/** Resolves to the commit. */
async function writeConfig(repo: GitRepo, outlets: readonly Outlet[], wishes: Wishes): Promise<string> {
  const all = outlets.map(({ name }) => name)
  const prune = wishes.pruned ? { fields: { prune: ['metadata.annotations.noise'] } } : {}
  const watches = [
    manifest('Watch', wishes.renamed ? 'balancers' : 'services', {
      resources: ['services'],
      when: 'object.spec.type == "LoadBalancer"',
      endpoints: all,
      ...prune,
    }),
    manifest('Watch', 'configmaps', { resources: ['configmaps'], labelSelector: 'watched=yes', endpoints: all }),
    manifest('Watch', 'ballast', { resources: ['configmaps'], labelSelector: 'ballast=yes', endpoints: wishes.ballast }),
  ]
  const endpoints = outlets.map(({ name, receiver }) =>
    manifest('Endpoint', name, {
      url: receiver.url,
      timeout: '2s',
      history: name === 'every' ? 'every' : 'latest',
      concurrency: concurrencyOf[name],
      retry: { maxAge: patience },
      batch: { maxWait: '50ms', maxObjects: wishes.maxObjects },
    }),
  )
  await repo.write('clusters.yaml', clusterNames.map((name) => manifest('Cluster', name, {})).join('---\n'))
  await repo.write('endpoints.yaml', endpoints.join('---\n'))
  await repo.write('watches.yaml', watches.join('---\n'))
  return repo.commit(JSON.stringify(wishes))
}

/**
 * A port that is still free when a killed hub comes back: below those that the system gives to outgoing connections, of which one could
 * take it meanwhile, or even meet itself there.
 */
async function portToKeep(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
