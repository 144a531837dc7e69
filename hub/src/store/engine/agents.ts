/**
 * Agents: which key and which cluster stand behind a name, which process of it counts, and how far its frames are durable.
 * A token works once. The same attempt again gets the same answer, but never gives back what a revocation or a later join took.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Token } from '../calls.ts'
import type { AgentRecord, Append, JoinAttempt, Joined, Opened } from '../store.ts'
import { flag, nullable } from './columns.ts'
import type { Database } from './database.ts'

type Refused = Extract<Append, { readonly kind: 'duplicate' | 'refused' }>

export interface Agents {
  saveToken(token: Token): void
  /** `otherCluster`: the name now stands for a cluster with another uid. */
  join(attempt: JoinAttempt, otherCluster: () => void): Joined
  /** `onLost`: this database holds less than the cluster's agent once told it. */
  openProcess(of: Input<'openProcess'>, onLost: () => void): Opened
  revoke(of: Input<'revoke'>): boolean
  all(): readonly AgentRecord[]
  /** The uid that a cluster joined with; "" when it never did. */
  clusterUid(cluster: string): string
  /** Why a frame with this number cannot be stored; nothing = it can. */
  admit(cluster: string, frame: { readonly process: number; readonly number: number }): Refused | undefined
  setLastFrame(cluster: string, number: number): void
  pruneTokens(expiredBefore: number): void
}

const tokenRow = object({
  cluster: string,
  expiresAt: integer,
  replace: flag,
  usedKey: nullable(string),
  usedUid: nullable(string),
})
const agentRow = object({
  cluster: string,
  publicKey: string,
  clusterUid: string,
  joinedAt: integer,
  process: integer,
  lastFrame: integer,
  revokedAt: nullable(integer),
})
const numbering = object({ generation: string, former: string })
const agentColumns = `cluster, public_key AS publicKey, cluster_uid AS clusterUid, joined_at AS joinedAt, process,
  last_frame AS lastFrame, revoked_at AS revokedAt`

/** `generation`: the present history of the database. */
export function createAgents(db: Database, generation: string): Agents {
  const select = db.query(`SELECT ${agentColumns} FROM agents WHERE cluster = ?`, agentRow)
  const selectAll = db.query(`SELECT ${agentColumns} FROM agents ORDER BY cluster`, agentRow)
  const selectNumbering = db.query('SELECT generation, former FROM agents WHERE cluster = ?', numbering)
  const setProcess = db.command('UPDATE agents SET process = ?, last_frame = 0, generation = ?, former = ? WHERE cluster = ?')
  const setLastFrame = db.command('UPDATE agents SET last_frame = ? WHERE cluster = ?')
  const revoke = db.command('UPDATE agents SET revoked_at = ? WHERE cluster = ? AND revoked_at IS NULL')
  const saveToken = db.command('INSERT INTO tokens (hash, cluster, expires_at, replace) VALUES (?, ?, ?, ?)')
  const pruneTokens = db.command('DELETE FROM tokens WHERE expires_at < ?')
  return {
    saveToken: ({ hash, cluster, expiresAt, replace }) => void saveToken(hash, cluster, expiresAt, replace ? 1 : 0),
    join: createJoin(db, (cluster) => select.get(cluster)),
    openProcess: ({ cluster, process, generation: since = generation, lost = false }, onLost) => {
      const agent = select.get(cluster)
      if (agent === undefined || agent.revokedAt !== undefined) return { kind: 'unknown' }
      const isOurs = since === generation
      if (process > 0 && process === agent.process && isOurs)
        return { kind: 'opened', process, lastFrame: agent.lastFrame, generation }
      const former = process === 0 || isOurs ? '' : `${process} of ${since}`
      const last = selectNumbering.get(cluster)
      // One from another history takes the place of none but those that came from there before it, or of itself: it may have missed our answer.
      // While none was numbered in this one, its number says nothing beside that of another history.
      const isLate =
        former === '' ? process < agent.process : last?.generation === generation && !isSince(last.former, process, since)
      if (process > 0 && isLate) return { kind: 'superseded', current: agent.process }
      // A number that was not given here, or in another history: what that process told is lost. The next one is above both.
      const opened = Math.max(process, agent.process) + 1
      if (process > 0 || lost) onLost()
      setProcess(opened, generation, former, cluster)
      return { kind: 'opened', process: opened, lastFrame: 0, generation }
    },
    revoke: ({ cluster, now }) => revoke(now, cluster) > 0,
    all: () => selectAll.all().map(({ revokedAt, ...agent }) => ({ ...agent, ...(revokedAt !== undefined && { revokedAt }) })),
    clusterUid: (cluster) => select.get(cluster)?.clusterUid ?? '',
    admit: (cluster, frame) => {
      const agent = select.get(cluster)
      if (agent === undefined || agent.revokedAt !== undefined)
        return refused('unknown-agent', `${cluster}: expected an agent that joined and was not revoked`)
      if (frame.process < agent.process)
        return refused('superseded', `${cluster}: process ${agent.process} took over, process ${frame.process} has to end`)
      if (frame.process > agent.process)
        return refused('gap', `${cluster}: process ${frame.process} was never opened, the newest is ${agent.process}`)
      if (frame.number <= agent.lastFrame) return { kind: 'duplicate', lastFrame: agent.lastFrame }
      if (frame.number !== agent.lastFrame + 1)
        return refused(
          'gap',
          `${cluster}: expected frame ${agent.lastFrame + 1} of process ${agent.process}, got ${frame.number}`,
        )
      return undefined
    },
    setLastFrame: (cluster, number) => void setLastFrame(number, cluster),
    pruneTokens: (expiredBefore) => void pruneTokens(expiredBefore),
  }
}

/** The process that came with `former` is from the same history, and not a newer one. */
const isSince = (former: string, process: number, generation: string): boolean => {
  const [number = '', of = ''] = former.split(' of ', 2)
  return of === generation && Number(number) <= process
}

const refused = (code: Extract<Refused, { readonly kind: 'refused' }>['code'], reason: string): Refused => ({
  kind: 'refused',
  code,
  reason,
})

type AgentRow = ReturnType<typeof agentRow.decode>
type TokenRow = ReturnType<typeof tokenRow.decode>

function createJoin(db: Database, agentOf: (cluster: string) => AgentRow | undefined): Agents['join'] {
  const token = db.query(
    'SELECT cluster, expires_at AS expiresAt, replace, used_key AS usedKey, used_uid AS usedUid FROM tokens WHERE hash = ?',
    tokenRow,
  )
  const use = db.command('UPDATE tokens SET used_key = ?, used_uid = ? WHERE hash = ?')
  const upsert = db.command(`INSERT INTO agents (cluster, public_key, cluster_uid, joined_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (cluster) DO UPDATE SET public_key = excluded.public_key, cluster_uid = excluded.cluster_uid,
      joined_at = excluded.joined_at, revoked_at = NULL`)
  return (attempt, otherCluster) => {
    const { cluster, tokenHash, publicKey, clusterUid, now } = attempt
    const agent = agentOf(cluster)
    const answer = judge(attempt, token.get(tokenHash), agent)
    if (answer !== 'join') return answer
    use(publicKey, clusterUid, tokenHash)
    upsert(cluster, publicKey, clusterUid, now)
    if (agent !== undefined && agent.clusterUid !== clusterUid) otherCluster()
    return { kind: 'joined' }
  }
}

function judge(attempt: JoinAttempt, token: TokenRow | undefined, agent: AgentRow | undefined): Joined | 'join' {
  const { cluster } = attempt
  if (token === undefined || token.cluster !== cluster)
    return noJoin(
      'bad-token',
      `expected a token made for cluster ${cluster}: make one with \`watch-hub cluster token ${cluster}\``,
    )
  if (token.usedKey !== undefined) {
    const same = token.usedKey === attempt.publicKey && token.usedUid === attempt.clusterUid
    const stands = agent !== undefined && agent.revokedAt === undefined && agent.publicKey === token.usedKey
    return same && stands ? { kind: 'joined' } : noJoin('used-token', 'the token was used before: each works once, make another')
  }
  if (token.expiresAt <= attempt.now)
    return noJoin('expired-token', `the token expired at ${new Date(token.expiresAt).toISOString()}: make another`)
  if (agent !== undefined && agent.clusterUid !== attempt.clusterUid && !token.replace)
    return noJoin(
      'other-cluster',
      `${cluster} is the cluster with uid ${agent.clusterUid}, this one has ${attempt.clusterUid}: ` +
        `if it was rebuilt, make a token with \`watch-hub cluster token ${cluster} --replace\``,
    )
  return 'join'
}

const noJoin = (code: Extract<Joined, { readonly kind: 'refused' }>['code'], reason: string): Joined => ({
  kind: 'refused',
  code,
  reason,
})
