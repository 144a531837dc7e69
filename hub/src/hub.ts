/**
 * Composition of the hub: store → delivery → fleet → config → web servers. Stopping goes the other way: nobody is let in any more, agents
 * and config end, what is being sent may finish, and the store closes last. A part that fails ends the hub: `done` rejects with its failure.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { release } from '@watch-hub/shared/protocol/version'
import type { Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import { type CurrentConfig, startConfig } from './config/current.ts'
import { openSource } from './config/open-source.ts'
import { activationOf } from './config/plan.ts'
import { type DeliveryDeps, startDelivery } from './delivery/dispatcher.ts'
import { createEgress } from './delivery/egress.ts'
import { createProxy } from './delivery/proxy.ts'
import { startSecrets } from './delivery/secrets.ts'
import { startFleet } from './fleet/fleet.ts'
import { type ServerParts, startServer } from './http/server.ts'
import type { HubAbout } from './http/status.ts'
import { createView, figuresOf } from './hub-view.ts'
import type { HubSettings, TlsFiles } from './settings.ts'
import { openBackups } from './store/backup/backups.ts'
import { openStore, refuseSecond } from './store/sqlite.ts'
import { bridgeDiag } from './telemetry/diag.ts'
import { watchEventLoop } from './telemetry/metrics/event-loop.ts'
import { createMetrics } from './telemetry/metrics/metrics.ts'
import { otelSettings } from './telemetry/otel-env.ts'
import { startTracing } from './telemetry/tracing.ts'

export interface HubDeps {
  readonly log: Log
  readonly env: Readonly<Record<string, string | undefined>>
  /** ms since 1970. @default Date.now */
  readonly now?: () => number
  /** Resident memory of this process. @default not told */
  readonly memoryBytes?: () => number
}

export interface Hub extends AsyncDisposable {
  /** Where operators reach it from this machine. */
  readonly url: string
  /** Where agents reach it. */
  readonly agentUrl: string
  readonly dataDir: string
  /** Rejects when the hub cannot go on. */
  readonly done: Promise<void>
}

/** What CloudEvents name as their source begins with it. */
const sourceOf = ({ publicUrl }: HubSettings) => publicUrl !== undefined && { source: publicUrl.replace(/\/+$/, '') }

/** Resolves when it listens. Rejects, with everything closed again, when a part cannot start. */
export async function startHub(settings: HubSettings, { log, env, now = Date.now, memoryBytes }: HubDeps): Promise<Hub> {
  const { dataDir, logLimit, minFreeDisk, deadLetterRetentionMs, deadLetterLimit } = settings
  const otel = otelSettings(env)
  await using scope = new AsyncDisposableStack()
  const adminToken = await prepareDataDir(dataDir)
  refuseSecond(join(dataDir, 'hub.db'))
  scope.use(bridgeDiag(log))
  const file = join(dataDir, 'hub.db')
  const store = scope.use(await openStore({ file, log, logLimit, minFreeDisk, deadLetterRetentionMs, deadLetterLimit }))
  const backups = scope.use(await openBackups({ file, minFreeDisk }))
  const metrics = scope.use(createMetrics({ log }, { version: release, instance: store.hubId, otel }))
  const eventLoop = scope.use(watchEventLoop())
  const tracing = scope.use(startTracing({ store, log }, { ...otel, keepsFailures: settings.traceFailures }))
  scope.use(store.onAppend(metrics.meters.appended))
  const secrets = scope.use(startSecrets({ log }, { env, ...optional('folder', settings.secretsDir) }))
  const delivery = scope.use(
    startDelivery(
      { store, secrets, ...waysOut(settings), log, meter: metrics.meters.delivery, tracer: tracing.delivery },
      { release, allowInsecureCredentials: settings.allowInsecureCredentials, ...sourceOf(settings) },
    ),
  )
  const fleet = scope.use(startFleet({ store, log, tracer: tracing.fleet, meter: metrics.meters.fleet, now }))
  const config: CurrentConfig = scope.use(
    startConfig(
      {
        source: await openSource({ log }, sourceSettings(settings, env)),
        log,
        tracer: tracing.config,
        // In this order no frame arrives whose routes are unknown.
        onSnapshot: async (snapshot, how) => {
          await store.activate(activationOf(snapshot))
          moment('snapshot-activated')
          delivery.follow(snapshot)
          fleet.assign(snapshot, how)
        },
      },
      { lastGoodFile: join(dataDir, 'config', 'last-good.json') },
    ),
  )

  let about: HubAbout = { id: store.hubId, version: release, startedAt: now(), url: '', agentUrl: '' }
  const view = createView({ about: () => about, now, backups, store, config, delivery, fleet })
  const process = () => ({ eventLoopDelayMs: eventLoop.delayMs(), ...optional('memoryBytes', memoryBytes?.()) })
  const parts = { store, config, delivery, fleet, tracing }
  scope.use(metrics.observe(() => figuresOf(parts, { now: now(), process: process() })))
  const admin = { view, adminToken, metrics: metrics.collect }
  const agents = { join: fleet.join, upgrade: fleet.door.upgrade }
  const urls = await startServers(scope, { admin, agents, log }, settings)
  about = { ...about, ...urls }
  const note = join(dataDir, 'hub.json')
  await writeFile(note, noteText(urls.url), { mode: 0o600 })
  scope.defer(() => removeOwn(note, urls.url))
  log.info('the hub listens', { ...urls, data: dataDir, config: config.status().source })

  const owned = scope.move()
  return {
    ...urls,
    dataDir,
    done: Promise.race([store.ended, delivery.done, config.done]),
    [Symbol.asyncDispose]: async () => {
      const sent = delivery[Symbol.asyncDispose]() // nothing is tried again while the rest ends
      await owned.disposeAsync()
      await sent
    },
  }
}

const waysOut = ({ allowEgress, denyEgress, egressProxy }: HubSettings): Pick<DeliveryDeps, 'egress' | 'proxy'> => ({
  egress: createEgress(allowEgress, { deny: denyEgress }),
  ...(egressProxy !== undefined && { proxy: createProxy(egressProxy) }),
})

/** Not one that another hub has written since. */
async function removeOwn(note: string, url: string): Promise<void> {
  const text = await readFile(note, 'utf8').catch(() => '')
  if (text === noteText(url)) await rm(note, { force: true })
}

const noteText = (url: string): string => `${JSON.stringify({ url })}\n`

interface Urls {
  readonly url: string
  readonly agentUrl: string
}

/** One port for all, or agents apart. The certificate belongs to the port that agents use. */
async function startServers(
  scope: AsyncDisposableStack,
  { admin, agents, log }: Required<ServerParts>,
  settings: HubSettings,
): Promise<Urls> {
  const { listen, agentListen, publicUrl } = settings
  const tls = settings.tls === undefined ? {} : { tls: await readTls(settings.tls) }
  if (agentListen === undefined) {
    const server = scope.use(await startServer({ admin, agents, log }, { listen, ...tls }))
    return { url: server.url, agentUrl: publicUrl ?? server.url }
  }
  const forAdmin = scope.use(await startServer({ admin, log }, { listen }))
  const forAgents = scope.use(await startServer({ agents, log }, { listen: agentListen, ...tls }))
  return { url: forAdmin.url, agentUrl: publicUrl ?? forAgents.url }
}

async function readTls({ certFile, keyFile }: TlsFiles) {
  const read = async (file: string, flag: string) => {
    try {
      return await readFile(file, 'utf8')
    } catch (cause) {
      throw new Error(`expected a PEM file (${flag}), got ${file}`, { cause })
    }
  }
  return { cert: await read(certFile, '--tls-cert'), key: await read(keyFile, '--tls-key') }
}

/** The folder is the hub's alone: mode 700. The first start writes the admin token. */
async function prepareDataDir(dir: string): Promise<string> {
  await mkdir(join(dir, 'config'), { recursive: true, mode: 0o700 })
  const file = join(dir, 'admin-token')
  try {
    const token = (await readFile(file, 'utf8')).trim()
    if (token === '') throw new Error(`expected the admin token in ${file}, got an empty file: remove it to get a new token`)
    return token
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    const token = `wha_${randomBytes(32).toString('base64url')}`
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' })
    return token
  }
}

function sourceSettings({ config, dataDir }: HubSettings, env: HubDeps['env']) {
  return {
    url: config.repo,
    mirror: join(dataDir, 'config', 'mirror.git'),
    pollMs: config.pollMs,
    env,
    ...optional('branch', config.branch),
    ...optional('path', config.path),
    ...optional('tokenFile', config.gitTokenFile),
    ...optional('sshKeyFile', config.gitSshKeyFile),
    ...optional('knownHostsFile', config.gitKnownHostsFile),
  }
}

const optional = <const K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } | Record<never, never> =>
  value === undefined ? {} : { [key]: value }
