/**
 * Joining: a declared name, a one-time token and a key made in the cluster become one identity.
 * The same request again gets the same answer; another cluster under the same name is refused.
 */
import { type JoinAnswer, type JoinRequest, joinBytes, type Problem } from '@watch-hub/shared/protocol/join'
import type { Store } from '../store/store.ts'
import { hashToken, newToken, verifySignature } from './keys.ts'

export type JoinOutcome =
  | { readonly status: 200; readonly answer: JoinAnswer }
  | { readonly status: 400 | 401 | 403 | 409; readonly problem: Problem }

export interface JoinDeps {
  readonly store: Pick<Store, 'hubId' | 'join' | 'saveToken'>
  /** Whether the live Snapshot declares this cluster. */
  readonly declared: (cluster: string) => boolean
  /** ms */
  readonly now: () => number
}

const undeclared = (cluster: string): Problem => ({
  code: 'undeclared',
  message: `expected a cluster that the config repo declares, got "${cluster}": commit a manifest with kind: Cluster and that name first`,
})

export async function join(deps: JoinDeps, request: JoinRequest): Promise<JoinOutcome> {
  const { cluster, clusterUid, publicKey, token } = request
  if (!verifySignature(publicKey, joinBytes(request), request.signature))
    return {
      status: 400,
      problem: { code: 'bad-signature', message: 'expected a signature by the Ed25519 key that is sent, got another' },
    }
  if (!deps.declared(cluster)) return { status: 403, problem: undeclared(cluster) }
  const joined = await deps.store.join({ cluster, tokenHash: hashToken(token), publicKey, clusterUid, now: deps.now() })
  if (joined.kind === 'joined') return { status: 200, answer: { cluster, hub: deps.store.hubId } }
  return { status: joined.code === 'other-cluster' ? 409 : 401, problem: { code: joined.code, message: joined.reason } }
}

export type Issued =
  | { readonly kind: 'issued'; readonly cluster: string; readonly token: string; readonly expiresAt: number }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

/** A token that works once, for this name. `replace` lets a rebuilt cluster (another uid) take the name over. */
export async function issueToken(
  deps: JoinDeps,
  of: { readonly cluster: string; readonly ttlMs: number; readonly replace: boolean },
): Promise<Issued> {
  if (!deps.declared(of.cluster)) return { kind: 'refused', ...undeclared(of.cluster) }
  const token = newToken()
  const expiresAt = deps.now() + of.ttlMs
  await deps.store.saveToken({ hash: hashToken(token), cluster: of.cluster, expiresAt, replace: of.replace })
  return { kind: 'issued', cluster: of.cluster, token, expiresAt }
}
