/** Joining from the agent's side: one POST that may be repeated as it is until it is answered. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import { type JoinAnswer, joinAnswer, joinBytes, joinPath, problem } from '@watch-hub/shared/protocol/join'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { type Identity, identityOf, type KeyStore, newIdentity } from './identity.ts'

export interface HubAddress {
  /** As given by `--hub`; a path in it is kept, for hubs behind a proxy. */
  readonly url: URL
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string
}

export interface JoinSettings {
  readonly hub: HubAddress
  readonly cluster: string
  readonly clusterUid: string
  readonly token: string
}

const joinTimeoutMs = 15_000
const maxAnswerBytes = 64 * 1024

/** The hub said no. `code` is its word for why. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export const below = (base: URL, path: string): URL => new URL(base.pathname.replace(/\/$/, '') + path, base)

/** Makes a key if there is none, keeps it before it is used, and binds it to the name. Throws JoinRefused when the hub refuses. */
export async function join(store: KeyStore, settings: JoinSettings, signal: AbortSignal): Promise<Identity> {
  const { cluster, clusterUid, hub, token } = settings
  const known = await store.load()
  const record = known?.cluster === cluster && known.clusterUid === clusterUid ? known : newIdentity({ cluster, clusterUid })
  await store.save(record)
  const identity = identityOf(record)
  const unsigned = { cluster, clusterUid, token, publicKey: identity.publicKey }
  const answer = await post(hub, { ...unsigned, signature: identity.sign(joinBytes(unsigned)) }, signal)
  const joined = { ...record, hub: answer.hub }
  await store.save(joined)
  return identityOf(joined)
}

async function post(hub: HubAddress, body: object, signal: AbortSignal): Promise<JoinAnswer> {
  using limit = deadline(joinTimeoutMs, { parent: signal, what: 'joining the hub' })
  const url = below(hub.url, joinPath)
  const { status, text } = await exchange(url, { ca: hub.ca, body: JSON.stringify(body), signal: limit.signal })
  if (status === 200) return decodeJson(joinAnswer, text)
  throw refusal(url, status, text)
}

function refusal(url: URL, status: number, text: string): Error {
  try {
    const { code, message } = decodeJson(problem, text)
    return new JoinRefused(code, `the hub refused to let this agent join: ${message}`)
  } catch (cause) {
    return new Error(`expected a hub at ${url.origin}, got HTTP ${status}: is --hub right?`, { cause })
  }
}

interface Exchange {
  readonly ca: string | undefined
  readonly body: string
  readonly signal: AbortSignal
}

function exchange(url: URL, { ca, body, signal }: Exchange): Promise<{ readonly status: number; readonly text: string }> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, signal, ...(ca === undefined ? {} : { ca }) }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > maxAnswerBytes) response.destroy(new Error(`expected an answer of at most ${maxAnswerBytes} bytes`))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    sent.on('error', (cause) =>
      reject(signal.aborted ? signal.reason : new Error(`cannot reach the hub at ${url.origin}`, { cause })),
    )
    sent.end(body)
  })
}
