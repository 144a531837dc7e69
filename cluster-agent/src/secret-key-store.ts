/** Keeps the identity in one Secret of the agent's own namespace; its Role allows get and patch on that Secret and no other. */
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { decodeIdentity, type KeyStore } from './identity.ts'
import type { Kube } from './watch/kube.ts'

export interface SecretName {
  readonly namespace: string
  readonly name: string
}

const maxSecretBytes = 1024 * 1024
const requestMs = 15_000

export function secretKeyStore(kube: Pick<Kube, 'request'>, { namespace, name }: SecretName): KeyStore {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`
  const where = `the Secret ${namespace}/${name}`

  const call = async (request: { readonly method: string; readonly body?: string; readonly contentType?: string }) => {
    using limit = deadline(requestMs, { what: `a request for ${where}` })
    const response = await kube.request(path, { signal: limit.signal, ...request })
    let text = ''
    for await (const chunk of response.body) {
      text += chunk.toString('utf8')
      if (text.length > maxSecretBytes) throw new Error(`expected ${where} to be small, got more than ${maxSecretBytes} bytes`)
    }
    return { status: response.status, text }
  }

  return {
    where,
    load: async () => {
      const { status, text } = await call({ method: 'GET' })
      if (status === 404) return undefined
      if (status !== 200) throw new Error(`expected to read ${where}, got HTTP ${status}: the agent's Role must allow get on it`)
      const secret: unknown = JSON.parse(text)
      const data = isRecord(secret) && isRecord(secret.data) ? secret.data['identity.json'] : undefined
      return typeof data === 'string' ? decodeIdentity(Buffer.from(data, 'base64').toString('utf8')) : undefined
    },
    save: async (record) => {
      const data = { 'identity.json': Buffer.from(JSON.stringify(record)).toString('base64') }
      const { status } = await call({
        method: 'PATCH',
        body: JSON.stringify({ data }),
        contentType: 'application/merge-patch+json',
      })
      if (status !== 200)
        throw new Error(`expected to write ${where}, got HTTP ${status}: create it and let the agent's Role patch it`)
    },
  }
}
