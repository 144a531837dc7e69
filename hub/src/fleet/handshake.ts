/**
 * Who is on the other end of a fresh connection: nonce out, signed hello in. Until it succeeds nothing the peer sends is believed,
 * and it has `handshakeMs` for it.
 */
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import { handshakeMs } from '@watch-hub/shared/protocol/limits'
import { type DownMessage, helloBytes, type UpMessage, upMessage } from '@watch-hub/shared/protocol/messages'
import { agreeOn, oldestProtocol, protocolVersion, release } from '@watch-hub/shared/protocol/version'
import type { Channel, Message } from '@watch-hub/shared/runtime/channel'
import { moment } from '@watch-hub/shared/runtime/moment'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import type { Store } from '../store/store.ts'
import { newNonce, verifySignature } from './keys.ts'

export interface Peer {
  readonly cluster: string
  readonly clusterUid: string
  readonly process: number
  readonly version: string
  /** Hash of the plan it received last; empty = none. */
  readonly plan: string
  /** Its last durable frame, as the store knows it. */
  readonly lastFrame: number
  /** The history of the store that numbered it. */
  readonly generation: string
}

export type Handshake = { readonly kind: 'peer'; readonly peer: Peer } | { readonly kind: 'refused'; readonly goodbye: Goodbye }
export type Goodbye = Extract<DownMessage, { type: 'goodbye' }>
type Hello = Extract<UpMessage, { type: 'hello' }>

export interface HandshakeDeps {
  readonly store: Pick<Store, 'hubId' | 'agents' | 'openProcess'>
  readonly declared: (cluster: string) => boolean
}

const refused = (code: string, reason: string, final = false): Handshake => ({
  kind: 'refused',
  goodbye: { type: 'goodbye', code, reason, final },
})

/** `inbox` is the channel's reader, shared with the session that follows. */
export async function handshake(deps: HandshakeDeps, channel: Channel, inbox: AsyncIterator<Message>): Promise<Handshake> {
  const nonce = newNonce()
  const challenge: DownMessage = {
    type: 'challenge',
    protocol: protocolVersion,
    oldest: oldestProtocol,
    hub: deps.store.hubId,
    nonce,
    version: release,
  }
  await channel.send(JSON.stringify(challenge))
  const first = await within(inbox.next(), channel)
  if (first.done || typeof first.value !== 'string') return refused('protocol', 'expected a hello message first')
  const hello = decodeJson(upMessage, first.value)
  if (hello.type !== 'hello') return refused('protocol', `expected a hello message first, got ${hello.type}`)
  const agreed = agreeOn({ protocol: hello.protocol, oldest: hello.protocol })
  if ('problem' in agreed) return refused('protocol', agreed.problem)
  return admit(deps, hello, nonce)
}

/** One sentence for every kind of stranger: what is wrong with a proof is told to nobody who has not given one. */
const stranger = (cluster: string) =>
  refused(
    'unknown-agent',
    `the hub knows no agent of cluster "${cluster}" with this key: join with a token from \`watch-hub cluster token ${cluster}\``,
  )

async function admit(deps: HandshakeDeps, hello: Hello, nonce: string): Promise<Handshake> {
  const { cluster, clusterUid, process } = hello
  const known = (await deps.store.agents()).find((agent) => agent.cluster === cluster)
  if (known === undefined || known.revokedAt !== undefined) return stranger(cluster)
  const signed = helloBytes({ nonce, hub: deps.store.hubId, cluster, clusterUid, process })
  if (!verifySignature(known.publicKey, signed, hello.signature)) return stranger(cluster)
  if (known.clusterUid !== clusterUid)
    return refused(
      'other-cluster',
      `expected the cluster with uid ${known.clusterUid} under the name "${cluster}", got ${clusterUid}: if it was rebuilt, join with a token from \`watch-hub cluster token ${cluster} --replace\``,
    )
  if (!deps.declared(cluster)) return refused('undeclared', `the config repo does not declare cluster "${cluster}" (any more)`)
  const opened = await deps.store.openProcess(cluster, process, { generation: hello.generation, lost: hello.lost ?? false })
  moment('process-opened')
  if (opened.kind === 'unknown') return stranger(cluster)
  if (opened.kind === 'superseded')
    return refused('superseded', `process ${process} of cluster "${cluster}" was replaced by process ${opened.current}`, true)
  return {
    kind: 'peer',
    peer: {
      cluster,
      clusterUid,
      process: opened.process,
      version: hello.version,
      plan: hello.plan,
      lastFrame: opened.lastFrame,
      generation: opened.generation,
    },
  }
}

/** Ends the wait by closing the channel, so that the pending read ends as well. */
async function within<T>(read: Promise<T>, channel: Channel): Promise<T> {
  using limit = deadline(handshakeMs, { what: 'handshake' })
  limit.signal.addEventListener('abort', () => channel.close(4008, 'handshake took too long'), { once: true })
  return await read
}
