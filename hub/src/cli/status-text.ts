/** `watch-hub status` for people: what to look at first comes first, and every trouble says why. */
import { type ConfigProblem, formatProblem } from '../config/model.ts'
import type { ConfigStatus } from '../config/status.ts'
import type { Hold } from '../delivery/detail.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus, StreamStatus } from '../fleet/status.ts'
import type { HubStatus } from '../http/status.ts'
import { age, counted, inOneLine, short, table } from './output.ts'

/** Problems of a refused commit that are shown; the rest is counted. */
const maxProblems = 20
/** Share of the room for dead letters from which it is said. */
export const almostFull = 0.8

/** `now`: ms */
export function statusText({ hub, config, clusters, endpoints, store }: HubStatus, now: number): readonly string[] {
  return [
    `Hub     ${hub.url}, release ${hub.version}, up ${age(now - hub.startedAt)}`,
    ...configText(config, now),
    ...storeText(store),
    '',
    ...clusterTable(clusters, now),
    ...correctionLines(clusters, now),
    '',
    ...endpointTable(endpoints, now),
  ]
}

const storeWords = { 'over-bound': 'LOG ABOVE ITS BOUND', 'low-disk': 'LITTLE DISK FREE', stopped: 'STOPPED' } as const

/** Only where it is not well. */
export const storeText = ({ state: { kind, reason = '' } }: Pick<HubStatus['store'], 'state'>): readonly string[] =>
  kind === 'ok' ? [] : [`Store   ${storeWords[kind]}: ${inOneLine(reason)}`]

export function configText(config: ConfigStatus, now: number): readonly string[] {
  const { source, branch, path, live, rejected, failing, lastFetchAt } = config
  const place = [source, ...(branch === undefined ? [] : [`branch ${branch}`]), ...(path === undefined ? [] : [`path ${path}`])]
  const looked = lastFetchAt === undefined ? 'not read yet' : `read ${age(now - lastFetchAt)} ago`
  const running =
    live === undefined ? `nothing live, ${looked}` : `live ${short(live.commit)} for ${age(now - live.since)}, ${looked}`
  return [
    `Config  ${inOneLine(place.join(', '))}`,
    `        ${running}`,
    ...(failing === undefined
      ? []
      : [
          `        CANNOT BE READ for ${age(now - failing.since)}: ${inOneLine(failing.reason)}${nextTry(failing.nextTryAt, now)}`,
        ]),
    ...(rejected === undefined
      ? []
      : [
          `        REJECTED ${short(rejected.commit)} ${age(now - rejected.at)} ago, ${live === undefined ? 'nothing runs instead' : 'the live commit stays'}:`,
          ...problemLines(rejected.problems),
        ]),
  ]
}

function problemLines(problems: readonly ConfigProblem[]): readonly string[] {
  const lines = problems.slice(0, maxProblems).map((problem) => `          ${inOneLine(formatProblem(problem))}`)
  return problems.length > maxProblems ? [...lines, `          … and ${problems.length - maxProblems} more`] : lines
}

const nextTry = (at: number | undefined, now: number): string => (at === undefined ? '' : `; next try in ${age(at - now)}`)

const clusterHead = ['CLUSTER', 'STATE', 'FOR', 'OBJECTS', 'STREAM', 'WATCHES', 'STREAM STATE']

export function clusterTable(clusters: readonly ClusterStatus[], now: number): readonly string[] {
  if (clusters.length === 0) return ['No clusters: commit a manifest with kind: Cluster']
  return table([clusterHead, ...clusters.flatMap((cluster) => clusterRows(cluster, now))])
}

function clusterRows(cluster: ClusterStatus, now: number): readonly (readonly string[])[] {
  const first = [
    cluster.name,
    clusterState(cluster),
    cluster.since === undefined ? '-' : age(now - cluster.since),
    String(cluster.objects),
  ]
  const error = cluster.error === undefined ? [] : [['', '', `plan does not run: ${cluster.error}`]]
  const streams = cluster.streams.map(({ resource, watches, state }) => [resource, watches.join(','), streamState(state)])
  const details = [...error, ...streams]
  if (details.length === 0) return [[...first, '', '', '']]
  return details.map((detail, i) => [...(i === 0 ? first : ['', '', '', '']), ...detail])
}

/** One sentence per kind of a cluster; none is the rule. */
export const correctionLines = (clusters: readonly ClusterStatus[], now: number): readonly string[] =>
  clusters.flatMap(({ name, corrections }) =>
    corrections.map(({ resource, count, byAudit, at }) => {
      const audits = byAudit === 0 ? '' : byAudit === count ? ', all by audits' : `, ${byAudit} by audits`
      const changes = count === 1 ? 'change' : 'changes'
      return inOneLine(`${name}: ${count} ${changes} of ${resource} found by comparing${audits}, the last ${age(now - at)} ago`)
    }),
  )

export function clusterState(cluster: ClusterStatus): string {
  if (cluster.revoked) return 'revoked'
  if (!cluster.declared) return 'not declared'
  if (!cluster.joined) return 'not joined'
  if (!cluster.connected) return cluster.left ? 'left' : 'disconnected'
  if (cluster.paused) return 'paused'
  return cluster.desiredHash === cluster.activeHash ? 'connected' : 'taking plan'
}

export function streamState({ state, done, total, reason, transient }: StreamStatus['state']): string {
  const progress = done === undefined ? '' : total === undefined ? ` ${done}` : ` ${done}/${total}`
  const why = reason === undefined ? '' : `: ${reason}`
  return `${state}${progress}${why}${transient === true ? ' (tries again)' : ''}`
}

const endpointHead = ['ENDPOINT', 'STATE', 'FOR', 'BACKLOG', 'OLDEST', 'DELIVERED', 'DETAIL']

export function endpointTable(endpoints: readonly EndpointStatus[], now: number): readonly string[] {
  if (endpoints.length === 0) return ['No endpoints: commit a manifest with kind: Endpoint']
  return table([endpointHead, ...endpoints.flatMap((endpoint) => endpointRows(endpoint, now))])
}

function endpointRows(endpoint: EndpointStatus, now: number): readonly (readonly string[])[] {
  const { name, since, backlog, oldestMs, delivered, scans } = endpoint
  const first = [
    name,
    stateOf(endpoint),
    age(now - since),
    String(backlog),
    oldestMs === undefined ? '-' : age(oldestMs),
    String(delivered),
  ]
  const details = [...endpointTrouble(endpoint, now), ...givenUp(endpoint), ...scans.map(scanText)]
  if (details.length === 0) return [[...first, '']]
  return details.map((detail, i) => [...(i === 0 ? first : first.map(() => '')), detail])
}

/** What somebody wanted is a pause; what the hub found out holds. */
export const stateOf = ({ phase, holds }: EndpointStatus): string =>
  phase === 'paused' && holds.some(({ cause }) => cause === 'gone' || cause === 'guard') ? 'held' : phase

/** `resync of web in prod-eu-1: 200/412` */
export const scanText = ({ reason, watch, cluster, sent, total, waiting }: EndpointStatus['scans'][number]): string =>
  `${reason} of ${watch} in ${cluster}: ${sent}/${total}${waiting === true ? ', waits for the cluster to be compared' : ''}`

/** `by ann for 5m, 1h55m left: new certificates` */
export function holdText({ cause, by, since, until, reason }: Hold, now: number): string {
  const left = until === undefined ? '' : `, ${age(until - now)} left`
  return `${holdWords[cause]} ${cause === 'guard' ? shortCommit(by) : by} for ${age(now - since)}${left}${reason === undefined ? '' : `: ${reason}`}`
}

const shortCommit = (by: string): string => by.replace(/^[0-9a-f]{40}$/, (commit) => commit.slice(0, 10))

const holdWords = {
  git: 'in Git, at',
  operator: 'by',
  gone: "until 'endpoint resume' or another url, because nobody is there any more, by",
  guard: "until 'endpoint resume', because a commit would report too many deletions, by",
}

/** What is parked, and what was given up; said loudly from where it needs somebody. */
function givenUp({ parked, deadLetters: { count, bytes: size, limit } }: EndpointStatus): readonly string[] {
  const room = size >= almostFull * limit ? `, ${Math.floor((size / limit) * 100)} % OF THE ROOM FOR THEM` : ''
  const parts = [
    ...(parked.objects === 0 ? [] : [`${counted(parked.objects, 'object')} parked`]),
    ...(count === 0 ? [] : [`${counted(count, 'dead letter')}${room}`]),
  ]
  return parts.length === 0 ? [] : [parts.join(', ')]
}

function endpointTrouble(
  { phase, reason, failures, nextAttemptAt, breaker, holds }: EndpointStatus,
  now: number,
): readonly string[] {
  const held = phase === 'paused' && holds.length > 0
  const parts = [
    ...(held ? holds.map((hold) => `held ${holdText(hold, now)}`) : reason === undefined ? [] : [reason]),
    ...(failures === 0 ? [] : [`${failures} ${failures === 1 ? 'failure' : 'failures'} in a row`]),
    ...(breaker.state === 'closed' ? [] : [`breaker ${breaker.state}`]),
    ...(nextAttemptAt === undefined ? [] : [`next try in ${age(nextAttemptAt - now)}`]),
  ]
  return parts.length === 0 ? [] : [parts.join(', ')]
}
