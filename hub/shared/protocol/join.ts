/** Joining: one HTTP POST that binds a key and a cluster uid to a declared name. The same request again gets the same answer. */
import { type Decoded, object, string } from './decode.ts'

export const joinPath = '/agent/v1/join'
export const linkPath = '/agent/v1/link'

export const joinRequest = object({
  cluster: string,
  /** One-time token, `whj_…`. */
  token: string,
  /** Ed25519 public key, SPKI DER, base64. */
  publicKey: string,
  /** uid of the namespace `kube-system`. */
  clusterUid: string,
  /** Base64 Ed25519 signature over `joinBytes`: proves that the sender holds the key. */
  signature: string,
})
export type JoinRequest = Decoded<typeof joinRequest>

export const joinAnswer = object({
  cluster: string,
  /** The hub's identity, the audience of every later signature. */
  hub: string,
})
export type JoinAnswer = Decoded<typeof joinAnswer>

/** Body of every refusal on HTTP: a code for programs, a sentence for people. */
export const problem = object({ code: string, message: string })
export type Problem = Decoded<typeof problem>

export const joinBytes = (of: Omit<JoinRequest, 'signature'>): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(['watch-hub join', of.cluster, of.token, of.publicKey, of.clusterUid]))
