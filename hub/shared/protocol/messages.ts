/**
 * The small messages of the link, JSON text. Frames and index chunks travel as binary messages beside them.
 * The hub opens with `challenge`; the agent answers `hello`; the hub answers `welcome` or closes.
 */
import { array, boolean, type Decoded, integer, object, optional, record, string, union } from './decode.ts'
import { explanation, question } from './explain.ts'
import { plan } from './plan.ts'
import { streamState } from './stream-state.ts'

export const downMessage = union({
  /** First message on every connection. `nonce` is random, used once. `hub` is the audience that the agent signs. */
  challenge: object({ protocol: integer, oldest: integer, hub: string, nonce: string, version: string }),
  /**
   * `process`: the number of this agent process from now on; another one than in `hello`: the hub has lost what that process told it, nothing
   * that the agent remembers can be continued. `lastFrame`: the last frame of it that is durable; 0 = none. `generation`: see `hello`.
   */
  welcome: object({ process: integer, lastFrame: integer, clusterUid: string, generation: string }),
  plan: object({ plan }),
  /** All frames up to this number are durable. */
  ack: object({ frame: integer }),
  /**
   * Ends the answer to `index-request`: `objects` were sent in binary chunks before it; `checksum` is theirs, see checksum.ts. `doubted`: the hub
   * lost what came after them, and endpoints may hold that; so an object of another version is told whole, whatever its content.
   */
  'index-end': object({ request: integer, objects: integer, checksum: integer, doubted: optional(boolean) }),
  /** The agent's index of this stream is not what the hub holds: it is to be loaded and compared anew. No other stream is concerned. */
  reload: object({ stream: string, reason: string }),
  /** Answered by `explanation`, when the API server has been asked. A few at a time; see limits.ts. */
  explain: question,
  /** Why the hub closes. `final`: true = do not come back with this process (superseded, revoked, unknown). */
  goodbye: object({ code: string, reason: string, final: boolean }),
})
export type DownMessage = Decoded<typeof downMessage>

export const upMessage = union({
  hello: object({
    protocol: integer,
    version: string,
    cluster: string,
    clusterUid: string,
    /** 0 = this process has no number yet. */
    process: integer,
    /**
     * The history of the hub's database in which the process got its number, as `welcome` told it; empty = it has none. A database that was
     * restored begins another history: numbers of the one before mean nothing in it.
     */
    generation: string,
    /** true: a hub of this identity holds less than it acknowledged to this agent. */
    lost: optional(boolean),
    /** Hash of the plan that it received last; empty = none. */
    plan: string,
    /** The last frame of this process that the agent holds an ack for; 0 = none. */
    ackedFrame: integer,
    /** Base64 Ed25519 signature over `helloBytes`. */
    signature: string,
  }),
  status: object({
    /** Hash of the plan that arrived last, and of the plan that runs. Empty = none. */
    received: string,
    active: string,
    /** Why the received plan does not run, when it does not. */
    error: optional(string),
    streams: record(streamState),
    /** Agent's own figures, shown per cluster. */
    figures: record(integer),
  }),
  /** Asks for what the hub holds of a stream; answered by binary chunks and `index-end`. Only one at a time per connection. */
  'index-request': object({ request: integer, plan: string, stream: string }),
  explanation,
  /** The agent leaves on purpose and has nothing left to send. */
  bye: object({ reason: string }),
})
export type UpMessage = Decoded<typeof upMessage>

/** What the hub knows of one object of a stream: the agent's memory of it. */
export const indexEntry = object({
  uid: string,
  namespace: string,
  name: string,
  resourceVersion: string,
  hash: string,
  matches: array(string),
})
export type IndexEntry = Decoded<typeof indexEntry>

/** An index chunk: zstd over a line with the request number, then one compact line per object. */
export function encodeIndexChunk(request: number, objects: readonly IndexEntry[]): string {
  return [
    String(request),
    ...objects.map((o) => JSON.stringify([o.uid, o.namespace, o.name, o.resourceVersion, o.hash, ...o.matches])),
  ].join('\n')
}

const row = array(string)

export function decodeIndexChunk(text: string): { readonly request: number; readonly objects: readonly IndexEntry[] } {
  const [first = '', ...lines] = text.split('\n')
  const objects = lines.map((line) => {
    const [uid = '', namespace = '', name = '', resourceVersion = '', hash = '', ...matches] = row.decode(
      JSON.parse(line),
      'index',
    )
    return { uid, namespace, name, resourceVersion, hash, matches }
  })
  return { request: integer.decode(Number(first), 'index request'), objects }
}

/** What an agent signs on every connection: no clock counts, a nonce works once, a signature for one hub is worth nothing at another. */
export function helloBytes(of: {
  readonly nonce: string
  readonly hub: string
  readonly cluster: string
  readonly clusterUid: string
  readonly process: number
}): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(['watch-hub hello', of.nonce, of.hub, of.cluster, of.clusterUid, of.process]))
}
