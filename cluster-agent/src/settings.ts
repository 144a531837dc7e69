/**
 * Flags and environment of the agent: `--flag` wins over `WATCH_HUB_FLAG`. Sole importer of `commander` in the agent.
 */
import { readFileSync } from 'node:fs'
import { release } from '@watch-hub/shared/protocol/version'
import type { Level } from '@watch-hub/shared/runtime/log'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { HubAddress } from './join.ts'

export interface AgentSettings {
  readonly hub: HubAddress
  readonly cluster: string
  readonly joinToken?: string
  readonly kubeconfig?: string
  readonly context?: string
  /** Folder for the identity; absent = the Secret in a pod, else `./watch-hub-agent-<cluster>`. */
  readonly state?: string
  /** Where the probes listen; absent = nowhere. */
  readonly listen?: { readonly host: string; readonly port: number }
  /** How often each kind is compared with the cluster though nothing asks for it. @default 1 h */
  readonly auditMs?: number
  readonly logLevel: Level
}

export type ParsedArgs =
  | { readonly kind: 'run'; readonly settings: AgentSettings }
  /** Nothing to run: help or version was asked for (0), or the flags are wrong (2). */
  | { readonly kind: 'exit'; readonly code: number; readonly out: string; readonly err: string }

export interface Surroundings {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

interface Flags extends Omit<AgentSettings, 'hub' | 'auditMs'> {
  readonly hub: URL
  readonly audit: number
  readonly ca?: string
}

/** `--hub` is `WATCH_HUB_URL`, as for the hub's own commands; every other flag has its own name. */
const variable = (flag: string): string =>
  flag === 'hub' ? 'WATCH_HUB_URL' : `WATCH_HUB_${flag.toUpperCase().replaceAll('-', '_')}`

const option = (flags: string, description: string) => {
  const name = flags.match(/--([a-z-]+)/)?.[1] ?? ''
  return new Option(flags, `${description} [env: ${variable(name)}]`)
}

export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = text.match(/^(?:(?<host>[^:]*|\[[^\]]+\]):)?(?<port>\d{1,5})$/)
  const port = Number(match?.groups?.port)
  if (match === null || port > 65_535) throw new InvalidArgumentError(`expected HOST:PORT or :PORT, got "${text}"`)
  return { host: match.groups?.host?.replace(/^\[|\]$/g, '') || '0.0.0.0', port }
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }
const leastAuditMs = 60_000

function parseAudit(text: string): number {
  const match = text.match(/^(?<count>\d{1,6})(?<unit>[smh])$/)
  const ms = Number(match?.groups?.count) * (unitsMs[match?.groups?.unit ?? ''] ?? Number.NaN)
  if (ms >= leastAuditMs) return ms
  throw new InvalidArgumentError(`expected a duration of 1m or more like 90s, 30m or 1h, got "${text}"`)
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError(`expected an http or https URL, got "${text}"`)
  return new URL(text)
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new InvalidArgumentError(`expected a PEM file, got ${file}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function define(): Command {
  return new Command('watch-hub-agent')
    .description('Lists and watches one cluster for a Watch Hub and reports what happens there.')
    .version(release)
    .addOption(option('--hub <url>', 'where the hub listens for agents').argParser(parseUrl).makeOptionMandatory())
    .addOption(option('--cluster <name>', 'name of this cluster, as the config repo declares it').makeOptionMandatory())
    .addOption(option('--join-token <token>', 'one-time token from `watch-hub cluster token NAME`; needed once'))
    .addOption(option('--ca <file>', "PEM certificates to trust for the hub instead of the system's").argParser(readCa))
    .addOption(
      option('--kubeconfig <file>', 'kubeconfig to use; absent = in-cluster credentials, else $KUBECONFIG or ~/.kube/config'),
    )
    .addOption(option('--context <name>', 'context of the kubeconfig; absent = its current one'))
    .addOption(
      option(
        '--state <dir>',
        'folder that keeps the identity; absent = the Secret watch-hub-agent-identity in a pod, else ./watch-hub-agent-NAME',
      ),
    )
    .addOption(option('--listen <address>', 'serve /healthz and /readyz here, HOST:PORT or :PORT').argParser(parseListen))
    .addOption(
      option('--audit <duration>', 'compare each kind with the cluster this often, 1m at least: finds what no watch told')
        .argParser(parseAudit)
        .default(3_600_000, '1h'),
    )
    .addOption(
      option('--log-level <level>', 'least level that is logged').choices(['debug', 'info', 'warn', 'error']).default('info'),
    )
    .showHelpAfterError('(run with --help for all flags)')
    .allowExcessArguments(false)
}

export function parseArgs({ args, env }: Surroundings): ParsedArgs {
  let out = ''
  let err = ''
  const command = define()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        out += text
      },
      writeErr: (text) => {
        err += text
      },
    })
  try {
    command.parse([...envArgs(command, env), ...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return { kind: 'exit', code: error.exitCode === 0 ? 0 : 2, out, err }
    throw error
  }
  const { hub, ca, audit, ...rest } = command.opts<Flags>()
  return { kind: 'run', settings: { ...rest, auditMs: audit, hub: ca === undefined ? { url: hub } : { url: hub, ca } } }
}

/** The environment as flags that come first, so that real flags win and both are checked alike. */
function envArgs(command: Command, env: Surroundings['env']): readonly string[] {
  return command.options.flatMap((each) => {
    const name = each.long?.slice(2) ?? ''
    const value = env[variable(name)]
    return value === undefined || value === '' || !each.required ? [] : [`--${name}=${value}`]
  })
}
