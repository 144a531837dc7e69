/** `watch-hub serve`: runs the hub until it is told to stop. Its log goes to standard output, one JSON line each. */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createLog } from '@watch-hub/shared/runtime/log'
import type { HubSettings } from '../settings.ts'
import { command } from './command.ts'
import { defaulted, type FlagValues, onOff, optional, required, several, UsageError } from './flags.ts'
import { addressRange, duration, httpUrl, listenAddress, oneOf, proxyUrl, shareOrSize, size, text } from './values.ts'

const file = (spelled: string, env: string, about: string) => optional(spelled, { about, env, parse: text })

const flags = {
  configRepo: required('--config-repo <url|dir>', {
    about: 'the config repo: a URL as git takes it, or a folder',
    env: 'WATCH_HUB_CONFIG_REPO',
    parse: text,
  }),
  branch: optional('--branch <name>', { about: 'its branch; without it the default one', env: 'WATCH_HUB_BRANCH', parse: text }),
  path: optional('--path <dir>', { about: 'folder of the manifests in it', env: 'WATCH_HUB_PATH', parse: text }),
  poll: defaulted('--poll <duration>', {
    about: 'how often to look at it',
    env: 'WATCH_HUB_POLL',
    fallback: '30s',
    parse: pollEvery,
  }),
  gitTokenFile: file('--git-token-file <file>', 'WATCH_HUB_GIT_TOKEN_FILE', 'file with the token for https'),
  gitSshKey: file('--git-ssh-key <file>', 'WATCH_HUB_GIT_SSH_KEY', 'file with the private key for ssh'),
  gitKnownHosts: file('--git-known-hosts <file>', 'WATCH_HUB_GIT_KNOWN_HOSTS', 'file with the host keys for ssh'),
  data: defaulted('--data <dir>', {
    about: 'folder that the hub keeps its state in; the admin token is in its file admin-token',
    env: 'WATCH_HUB_DATA',
    fallback: './watch-hub-data',
    parse: text,
  }),
  logLimit: defaulted('--log-limit <size>', {
    about: 'bytes of the log; beyond them, endpoints that are behind are told only the newest state of each object',
    env: 'WATCH_HUB_LOG_LIMIT',
    fallback: '4Gi',
    parse: logBytes,
  }),
  minFreeDisk: defaulted('--min-free-disk <share|size>', {
    about: "what has to stay free on the data folder's disk, 10% or 20Gi; below it the log is compacted, then agents wait",
    env: 'WATCH_HUB_MIN_FREE_DISK',
    fallback: '10%',
    parse: shareOrSize,
  }),
  secrets: file('--secrets <dir>', 'WATCH_HUB_SECRETS', 'folder with the secrets that the config repo speaks of'),
  listen: defaulted('--listen <address>', {
    about: 'where to listen; :8080 = on all addresses',
    env: 'WATCH_HUB_LISTEN',
    fallback: '127.0.0.1:8080',
    parse: listenAddress,
  }),
  agentListen: optional('--agent-listen <address>', {
    about: 'another port for agents, and for them alone',
    env: 'WATCH_HUB_AGENT_LISTEN',
    parse: listenAddress,
  }),
  tlsCert: file('--tls-cert <file>', 'WATCH_HUB_TLS_CERT', 'PEM certificate of the port that agents use'),
  tlsKey: file('--tls-key <file>', 'WATCH_HUB_TLS_KEY', 'PEM key of that certificate'),
  publicUrl: optional('--public-url <url>', {
    about: 'how agents reach this hub, where that is not the address it listens on; CloudEvents begin their source with it',
    env: 'WATCH_HUB_PUBLIC_URL',
    parse: httpUrl,
  }),
  allowEgress: several('--allow-egress <cidr...>', {
    about: 'addresses that deliveries may go to although they are loopback, link-local, metadata or denied ones',
    env: 'WATCH_HUB_ALLOW_EGRESS',
    parse: addressRange,
  }),
  denyEgress: several('--deny-egress <cidr...>', {
    about: 'addresses that deliveries may not go to',
    env: 'WATCH_HUB_DENY_EGRESS',
    parse: addressRange,
  }),
  egressProxy: optional('--egress-proxy <url>', {
    about: 'proxy that deliveries leave through; with user:password@ rather in the variable than on the command line',
    env: 'WATCH_HUB_EGRESS_PROXY',
    parse: proxyUrl,
  }),
  noProxy: several('--no-proxy <host...>', {
    about: 'receivers that are reached without it: example.com with what is below, .example.com, host:port, addresses, ranges, *',
    env: 'WATCH_HUB_NO_PROXY',
    parse: text,
  }),
  deadLetterRetention: defaulted('--dead-letter-retention <duration>', {
    about: 'how long events that were given up are kept',
    env: 'WATCH_HUB_DEAD_LETTER_RETENTION',
    fallback: '30d',
    parse: keptFor,
  }),
  deadLetterLimit: defaulted('--dead-letter-limit <size>', {
    about: 'bytes of them for each endpoint; beyond, nothing more is given up, and parked objects are tried on',
    env: 'WATCH_HUB_DEAD_LETTER_LIMIT',
    fallback: '256Mi',
    parse: letterBytes,
  }),
  allowInsecureCredentials: onOff('--allow-insecure-credentials', {
    about: 'let credentials go to endpoints over plain http',
    env: 'WATCH_HUB_ALLOW_INSECURE_CREDENTIALS',
  }),
  traceFailures: defaulted('--trace-failures <which>', {
    about: 'always = requests that failed are traced whatever the sampler says of their events; sampled = like all others',
    env: 'WATCH_HUB_TRACE_FAILURES',
    fallback: 'always',
    parse: oneOf('always', 'sampled'),
  }),
  logLevel: defaulted('--log-level <level>', {
    about: 'debug, info, warn or error',
    env: 'WATCH_HUB_LOG_LEVEL',
    fallback: 'info',
    parse: oneOf('debug', 'info', 'warn', 'error'),
  }),
}

const minPollMs = 1_000
/** Less could not hold one large object. */
const minLogBytes = 1024 ** 2
const minKeptMs = 60_000
/** Less could not hold one letter. */
const minLetterBytes = 64 * 1024

function pollEvery(value: string): number {
  const ms = duration(value)
  if (ms < minPollMs) throw new UsageError(`expected 1s or more, got "${value}"`)
  return ms
}

function keptFor(value: string): number {
  const ms = duration(value)
  if (ms < minKeptMs) throw new UsageError(`expected 1m or more, got "${value}"`)
  return ms
}

function letterBytes(value: string): number {
  const bytes = size(value)
  if (bytes < minLetterBytes) throw new UsageError(`expected 64Ki or more, got "${value}"`)
  return bytes
}

function logBytes(value: string): number {
  const bytes = size(value)
  if (bytes < minLogBytes) throw new UsageError(`expected 1Mi or more, got "${value}"`)
  return bytes
}

export const serve = command({
  name: 'serve',
  about: 'run a hub, until SIGINT or SIGTERM',
  flags,
  notes:
    'Traces and metrics go to an OpenTelemetry collector where OTEL_EXPORTER_OTLP_ENDPOINT (http://collector:4318) says one; OTEL_TRACES_SAMPLER and other OTEL_ variables count, see hub/docs/tracing.md. ' +
    "Where --allow-egress and --deny-egress meet, the narrower range decides: '--deny-egress 0.0.0.0/0 ::/0 --allow-egress 10.1.0.0/16' leaves one network.",
  run: async (io, values) => {
    const settings = toSettings(values, io.cwd)
    const log = createLog((line) => io.out(line.trimEnd()), values.logLevel)
    const { startHub } = await import('../hub.ts') // only here: the other commands start without it
    await using hub = await startHub(settings, { log, env: io.env, ...(io.memoryBytes && { memoryBytes: io.memoryBytes }) })
    await Promise.race([hub.done, io.signal.aborted || once(io.signal, 'abort')])
    log.info('stopping')
  },
})

/** Checks what concerns more than one flag. Paths become absolute. */
export function toSettings(values: FlagValues<typeof flags>, cwd: string): HubSettings {
  const { configRepo, branch, path, poll, secrets, agentListen, tlsCert, tlsKey, publicUrl, egressProxy, noProxy } = values
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key: expected both or none, got one')
  if (noProxy.length > 0 && egressProxy === undefined)
    throw new UsageError('--no-proxy: expected --egress-proxy with it, because without one nothing goes through a proxy')
  const absolute = (name: string) => resolve(cwd, name)
  return {
    config: {
      repo: isRemote(configRepo) ? configRepo : absolute(configRepo),
      ...present({ branch, path }),
      pollMs: poll,
      ...present({
        gitTokenFile: values.gitTokenFile && absolute(values.gitTokenFile),
        gitSshKeyFile: values.gitSshKey && absolute(values.gitSshKey),
        gitKnownHostsFile: values.gitKnownHosts && absolute(values.gitKnownHosts),
      }),
    },
    dataDir: absolute(values.data),
    ...present({ secretsDir: secrets && absolute(secrets) }),
    logLimit: values.logLimit,
    minFreeDisk: values.minFreeDisk,
    listen: values.listen,
    ...(agentListen === undefined ? {} : { agentListen }),
    ...(tlsCert === undefined || tlsKey === undefined ? {} : { tls: { certFile: absolute(tlsCert), keyFile: absolute(tlsKey) } }),
    ...present({ publicUrl }),
    allowEgress: values.allowEgress,
    denyEgress: values.denyEgress,
    ...(egressProxy !== undefined && { egressProxy: { url: egressProxy, noProxy } }),
    deadLetterRetentionMs: values.deadLetterRetention,
    deadLetterLimit: values.deadLetterLimit,
    traceFailures: values.traceFailures === 'always',
    allowInsecureCredentials: values.allowInsecureCredentials,
  }
}

/** `https://…`, `ssh://…`, `git@host:path` */
const isRemote = (repo: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(repo) || /^[^/\s]+@[^/\s:]+:/.test(repo)

/** Without the fields that are absent. */
const present = <K extends string>(fields: Readonly<Record<K, string | undefined>>): { readonly [P in K]?: string } => {
  const out: { [P in K]?: string } = {}
  for (const key in fields) if (fields[key] !== undefined) out[key] = fields[key]
  return out
}
