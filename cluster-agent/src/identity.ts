/**
 * Who this agent is: an Ed25519 key that never leaves the cluster, and the name, cluster uid and hub that it was joined to.
 * It is kept in a `KeyStore`: a folder (`--state`), or the Secret that deploy/cluster-agent gives to the agent alone.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Decoded, decodeJson, object, optional, string } from '@watch-hub/shared/protocol/decode'

const identityFile = object({
  cluster: string,
  clusterUid: string,
  /** PKCS #8, PEM. */
  privateKey: string,
  /** The hub that admitted the key; absent until the join was answered. */
  hub: optional(string),
})
export type IdentityRecord = Decoded<typeof identityFile>

export interface KeyStore {
  /** For messages: "the file …", "the Secret …". */
  readonly where: string
  load(): Promise<IdentityRecord | undefined>
  save(record: IdentityRecord): Promise<void>
}

export interface Identity {
  readonly record: IdentityRecord
  /** SPKI DER, base64. */
  readonly publicKey: string
  /** Base64. */
  sign(bytes: Uint8Array): string
}

export const decodeIdentity = (text: string): IdentityRecord => decodeJson(identityFile, text)

export function identityOf(record: IdentityRecord): Identity {
  const key: KeyObject = createPrivateKey(record.privateKey)
  return {
    record,
    publicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64'),
    sign: (bytes) => sign(null, bytes, key).toString('base64'),
  }
}

export function newIdentity(of: { readonly cluster: string; readonly clusterUid: string }): IdentityRecord {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { ...of, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Keeps the identity in `DIR/identity.json`, mode 600, replaced in one step. */
export function fileKeyStore(dir: string): KeyStore {
  const file = join(dir, 'identity.json')
  return {
    where: `the file ${file}`,
    load: async () => {
      try {
        return decodeIdentity(await readFile(file, 'utf8'))
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw new Error(`expected an identity of this agent in ${file}: move the file away and join again with a new token`, {
          cause: error,
        })
      }
    },
    save: async (record) => {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 })
      await rename(`${file}.new`, file)
    },
  }
}
