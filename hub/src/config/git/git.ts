/**
 * Runs git, through simple-git. One call is one process and its helpers; they end with the signal, and the call is over only when they are.
 * The environment is made here from few variables, so that neither the operator's shell nor the arguments others can see carry secrets.
 */
import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { simpleGit } from 'simple-git'
import { endLeftovers, markVariable } from './leftovers.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface GitSettings {
  /** Folder to run in; has to exist. */
  readonly folder: string
  /** Variables of the hub's own process; only those that git needs to find its way are passed on. */
  readonly env: Environment
  /** `ssh …` with its options, for ssh URLs. */
  readonly sshCommand?: string
  /** Value of the header that requests over http carry. Goes by the environment, never by the arguments. */
  readonly authorization?: string
  readonly signal: AbortSignal
}

export interface Git {
  /** Standard output. Throws with git's own words when it fails. */
  text(...args: readonly string[]): Promise<string>
  /** What `cat-file --batch` says about these objects. */
  objects(ids: readonly string[]): Promise<Buffer>
}

/** From the environment of the hub: programs, home, proxies, certificates and the ssh agent. */
const passedOn = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'SYSTEMROOT',
  'USER',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  ...['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]),
]

export function git(settings: GitSettings): Git {
  const mark = randomUUID()
  const environment = { ...environmentOf(settings), [markVariable]: mark }
  const run = (input?: string) =>
    simpleGit({
      baseDir: settings.folder,
      abort: settings.signal,
      config: configOf(settings),
      allowEnvironment: ['GIT_TERMINAL_PROMPT', 'GIT_SSH_COMMAND', 'GIT_CONFIG_COUNT', 'GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_0'],
      unsafe: { allowUnsafeSshCommand: true, allowUnsafeConfigEnvCount: true },
      ...(input === undefined ? {} : { input: () => input }),
    }).env(environment)
  const ended = async <T>(call: PromiseLike<T>): Promise<T> => {
    try {
      return await call
    } catch (error) {
      if (settings.signal.aborted) await endLeftovers(mark)
      throw error
    }
  }
  return {
    text: (...args) => ended(run().raw([...args])),
    objects: async (ids) => {
      const bytes: unknown = await ended(run(`${ids.join('\n')}\n`).binaryCatFile(['--batch']))
      return Buffer.isBuffer(bytes) ? bytes : Buffer.from(String(bytes))
    },
  }
}

function environmentOf({ env, sshCommand, authorization }: GitSettings): Record<string, string> {
  const passed = passedOn.flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(passed),
    LC_ALL: 'C', // messages are read by us
    GIT_TERMINAL_PROMPT: '0',
    ...(sshCommand === undefined ? {} : { GIT_SSH_COMMAND: sshCommand }),
    ...(authorization === undefined
      ? {}
      : { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'http.extraHeader', GIT_CONFIG_VALUE_0: `Authorization: ${authorization}` }),
  }
}

function configOf({ env, authorization }: GitSettings): string[] {
  const ca = env.GIT_SSL_CAINFO
  return [
    'gc.autoDetach=false', // nothing goes on behind our back
    'maintenance.autoDetach=false',
    'advice.detachedHead=false',
    'http.lowSpeedLimit=1',
    'http.lowSpeedTime=30',
    ...(ca === undefined ? [] : [`http.sslCAInfo=${ca}`]),
    ...(authorization === undefined ? [] : ['http.followRedirects=false']), // git would take the header along, wherever it is led
  ]
}
