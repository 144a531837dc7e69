/**
 * The agent's half of a handshake: challenge → signed hello → welcome. Nothing of it depends on a clock, and a signature for one hub is worth
 * nothing at another. What the welcome says about what the hub still knows is the hub link's business.
 */
import { type DownMessage, helloBytes, type UpMessage } from '@watch-hub/shared/protocol/messages'
import { agreeOn, protocolVersion, release } from '@watch-hub/shared/protocol/version'
import type { Identity } from './identity.ts'

export type Welcome = Extract<DownMessage, { readonly type: 'welcome' }>
type Hello = Extract<UpMessage, { readonly type: 'hello' }>

/** The connection ended for a reason that the hub gave. */
export class Goodbye extends Error {
  override readonly name = 'Goodbye'
  readonly code: string
  constructor(code: string, reason: string) {
    super(reason)
    this.code = code
  }
}

export interface Meeting {
  /** What the hub says next. */
  readonly hear: () => Promise<DownMessage>
  readonly say: (message: UpMessage) => Promise<void>
  readonly identity: Identity
  /** What this process has of the connections before. */
  readonly state: Pick<Hello, 'process' | 'generation' | 'lost' | 'plan' | 'ackedFrame'>
}

/** Rejects with `Goodbye` when the hub is not the one that this agent joined. */
export async function shakeHands({ hear, say, identity, state }: Meeting): Promise<Welcome> {
  const challenge = await hear()
  if (challenge.type !== 'challenge') throw new Error(`expected a challenge from the hub, got ${challenge.type}`)
  const agreed = agreeOn(challenge)
  if ('problem' in agreed) throw new Error(`the hub runs release ${challenge.version}: ${agreed.problem}`)
  const { cluster, clusterUid, hub } = identity.record
  if (hub !== challenge.hub)
    throw new Goodbye(
      'unknown-agent',
      `expected the hub ${hub} that this agent joined, got hub ${challenge.hub}: join it with a token`,
    )
  const signature = identity.sign(helloBytes({ nonce: challenge.nonce, hub, cluster, clusterUid, process: state.process }))
  await say({ type: 'hello', protocol: protocolVersion, version: release, cluster, clusterUid, ...state, signature })
  const welcome = await hear()
  if (welcome.type !== 'welcome') throw new Error(`expected a welcome from the hub, got ${welcome.type}`)
  return welcome
}
