/**
 * A whole Watch Hub on this machine: a real Git repo, the hub and one agent per cluster as processes of their own, on free loopback ports,
 * in one folder. Stories and the demo tell what happens in it.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sleep, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import type { Cluster } from './cluster.ts'
import { agentProgram, hubProgram, type Program, type ProgramOptions, startProgram } from './program.ts'

export interface WorldSettings {
  readonly dir: string
  /** What `--config-repo` gets. */
  readonly repo: string
  readonly secretsDir: string
  readonly hubPort?: number
  /** @default '1s' */
  readonly poll?: string
  /** @default true */
  readonly allowLoopback?: boolean
  /** How the hub is started, beside what every world needs: flags of its own, flags of Node, environment. */
  readonly hub?: {
    readonly args?: readonly string[]
    readonly nodeArgs?: readonly string[]
    readonly env?: ProgramOptions['env']
  }
  /** What hub and agents log, line by line; `program` is `hub` or `agent-CLUSTER`. */
  readonly onLog?: (program: string, line: string) => void
  /** See `ProgramOptions`. @default false */
  readonly ownGroup?: boolean
}

interface StartOptions {
  /** Environment besides what programs get anyway. */
  readonly env?: Readonly<Record<string, string>>
  /** Resolve once the process is there, not when it works. @default false */
  readonly atOnce?: boolean
}

export interface World extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly hub: () => Program
  agent(cluster: string): Program
  startHub(options?: StartOptions): Promise<void>
  /** Joins with a fresh token when it has no identity yet. */
  startAgent(cluster: Cluster, options?: StartOptions): Promise<Program>
  /** The admin API. */
  api(path: string, method?: 'GET' | 'POST', body?: unknown): Promise<unknown>
  /** A fresh join token. */
  token(cluster: string): Promise<string>
  /** Runs a command of `watch-hub` against this hub. */
  cli(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }>
  /** Asks `/api/v1/status` until it is as wanted; its text is in the error when it never is. */
  status(wanted: (status: StatusText) => boolean, what: string, ms?: number): Promise<StatusText>
}

/** The status as JSON text, for loose looks. */
export interface StatusText {
  readonly text: string
  readonly clusters: readonly {
    readonly name: string
    readonly connected: boolean
    readonly streams: readonly {
      readonly resource: string
      readonly state: { readonly state: string; readonly reason?: string }
    }[]
  }[]
  readonly endpoints: readonly {
    readonly name: string
    readonly phase: string
    readonly backlog: number
    readonly delivered: number
    /** Versions that a newer one of the same object replaced before they were told. */
    readonly skipped: number
    readonly scans: readonly unknown[]
    readonly parked: { readonly objects: number }
    readonly deadLetters: { readonly count: number }
    readonly breaker: { readonly state: string; readonly reason?: string }
  }[]
  readonly config: {
    readonly live?: { readonly commit: string }
    readonly rejected?: { readonly commit: string }
    readonly failing?: { readonly reason: string }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('expected a free port')
  return address.port
}

export async function startWorld(settings: WorldSettings): Promise<World> {
  const { dir, repo, secretsDir, poll = '1s', allowLoopback = true, onLog, ownGroup = false } = settings
  const port = settings.hubPort ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const dataDir = join(dir, 'hub-data')
  const agents = new Map<string, Program>()
  let hub: Program | undefined
  const optionsOf = (program: string, env: ProgramOptions['env'] = {}): ProgramOptions => ({
    ownGroup,
    env,
    onLine: (line) => onLog?.(program, line),
  })

  const startHub: World['startHub'] = async ({ env = {}, atOnce = false } = {}) => {
    hub = startProgram(
      hubProgram,
      [
        'serve',
        ...['--config-repo', repo, '--poll', poll, '--data', dataDir, '--secrets', secretsDir, '--listen', `127.0.0.1:${port}`],
        ...(allowLoopback ? ['--allow-egress', '127.0.0.0/8', '--allow-insecure-credentials'] : []),
        ...(settings.hub?.args ?? []),
      ],
      { ...optionsOf('hub', { ...settings.hub?.env, ...env }), nodeArgs: settings.hub?.nodeArgs ?? [] },
    )
    if (!atOnce) await hub.line((line) => line.includes('the hub listens'), 'listening hub')
  }
  const running = () => {
    if (hub === undefined) throw new Error('the hub was not started')
    return hub
  }
  const token = async () => (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  const api: World['api'] = async (path, method = 'GET', body) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  const cli: World['cli'] = async (...args) => {
    const program = startProgram(hubProgram, [...args, '--data', dataDir])
    const code = await program.ended
    return { code, output: program.output() }
  }
  const status: World['status'] = async (wanted, what, ms = 30_000) => {
    const until = performance.now() + ms
    for (;;) {
      const answer = decodeStatus(await api('/status'))
      if (wanted(answer)) return answer
      if (performance.now() > until)
        throw new Error(`${what}: not within ${ms} ms, but\n${answer.text}`, { cause: new TimeoutError(ms, what) })
      await sleep(100)
    }
  }

  await startHub().catch(async (error: unknown) => {
    await hub?.[Symbol.asyncDispose]()
    throw error
  })
  return {
    url,
    dataDir,
    hub: running,
    agent: (cluster) => {
      const program = agents.get(cluster)
      if (program === undefined) throw new Error(`no agent of ${cluster} was started`)
      return program
    },
    startHub,
    startAgent: async ({ name, kubeconfig }, { env = {}, atOnce = false } = {}) => {
      const state = join(dir, `agent-${name}`)
      const joined = await readFile(join(state, 'identity.json')).then(
        () => true,
        () => false,
      )
      const args = ['--hub', url, '--cluster', name, '--kubeconfig', kubeconfig, '--state', state]
      const token = joined ? {} : { WATCH_HUB_JOIN_TOKEN: await issueToken(cli, name) }
      const program = startProgram(agentProgram, args, optionsOf(`agent-${name}`, { ...env, ...token }))
      agents.set(name, program)
      if (!atOnce) await program.line((line) => line.includes('connected to the hub'), `connection of ${name}`)
      return program
    },
    api,
    token: (cluster) => issueToken(cli, cluster),
    cli,
    status,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...agents.values()].map((agent) => agent[Symbol.asyncDispose]()))
      await hub?.[Symbol.asyncDispose]()
    },
  }
}

async function issueToken(cli: World['cli'], cluster: string): Promise<string> {
  const { code, output } = await cli('cluster', 'token', cluster, '-o', 'json')
  const answer: unknown = code === 0 ? JSON.parse(output) : undefined
  if (typeof answer === 'object' && answer !== null && 'token' in answer && typeof answer.token === 'string') return answer.token
  throw new Error(`expected a token for ${cluster}, got exit code ${code}: ${output}`)
}

const decodeStatus = (answer: unknown): StatusText => {
  const isStatus = (value: unknown): value is Omit<StatusText, 'text'> =>
    typeof value === 'object' && value !== null && 'clusters' in value
  if (!isStatus(answer)) throw new Error(`expected a status, got ${JSON.stringify(answer)}`)
  return { ...answer, text: JSON.stringify(answer, undefined, 1) }
}
