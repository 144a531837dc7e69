/**
 * Secrets: values that are not in Git. `{secret: NAME}` and `{secret: NAME/KEY}` are files below the secrets folder, one trailing newline
 * dropped; `{env: NAME}` is `WATCH_HUB_SECRET_NAME` and nothing else. A file `NAME/allowed-hosts` binds every key of NAME to receivers: one
 * host or glob per line, with `:port` where only that port may have it.
 *
 * Values are read each time they are asked for and kept nowhere here. Reasons name files and variables, never values.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileGlobs } from '@watch-hub/shared/pipeline/glob'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { watchFolder } from '../config/folder-watch.ts'
import type { SecretRef } from '../config/model.ts'

export type SecretValue =
  | { readonly kind: 'found'; readonly value: string }
  | { readonly kind: 'missing'; readonly reason: string }

export interface Secrets extends AsyncDisposable {
  /** The value, if `receiver` may have it. */
  read(ref: SecretRef, receiver: URL): Promise<SecretValue>
  /** Called when files of the folder may have changed. The returned disposable ends it. */
  onChange(listener: () => void): Disposable
}

export interface SecretSettings {
  /** Absolute. Absent = each `{secret: …}` is missing. */
  readonly folder?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export function startSecrets({ log }: { readonly log: Log }, { folder, env }: SecretSettings): Secrets {
  const listeners = new Set<() => void>()
  const onError = (error: unknown) => log.warn('watching the secrets folder failed; changes are noticed late', { error })
  const onChange = () => {
    for (const listener of listeners) listener()
  }
  const watching = folder === undefined ? undefined : watchFolder({ folder, onChange, onError })
  return {
    read: async (ref, receiver) => ('env' in ref ? fromEnv(env, ref.env) : fromFolder(folder, ref.secret, receiver)),
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => listeners.delete(listener) }
    },
    [Symbol.asyncDispose]: async () => watching?.[Symbol.asyncDispose](),
  }
}

function fromEnv(env: SecretSettings['env'], name: string): SecretValue {
  const value = env[`WATCH_HUB_SECRET_${name}`]
  return value === undefined
    ? missing(`expected the environment variable WATCH_HUB_SECRET_${name}, got none; set it and restart the hub`)
    : { kind: 'found', value }
}

/** As large as a Kubernetes Secret may be: bundles of authorities fit. */
const largestBytes = 1024 * 1024
const bindingFile = 'allowed-hosts'

async function fromFolder(folder: string | undefined, ref: string, receiver: URL): Promise<SecretValue> {
  const [name, key, ...more] = ref.split('/')
  if (!isName(name) || (key !== undefined && !isName(key)) || more.length > 0 || key === bindingFile)
    return missing(`expected a secret named NAME or NAME/KEY, got ${JSON.stringify(ref)}`)
  if (folder === undefined)
    return missing(`expected the file ${ref} below the secrets folder, but the hub runs without --secrets`)
  const refused = key === undefined ? undefined : await refusal(folder, name, receiver)
  return refused === undefined ? readValue(folder, ref) : missing(refused)
}

/** Names of Kubernetes Secrets and of their keys: no separators and nothing that leads out of the folder. */
const isName = (text: string | undefined): text is string =>
  text !== undefined && text !== '.' && !text.startsWith('..') && /^[-._a-zA-Z0-9]+$/.test(text)

async function readValue(folder: string, ref: string): Promise<SecretValue> {
  try {
    const bytes = await readFile(join(folder, ref))
    if (bytes.length > largestBytes)
      return missing(`expected at most ${largestBytes} bytes in the secret file ${ref}, got ${bytes.length}`)
    return { kind: 'found', value: bytes.toString('utf8').replace(/\r?\n$/, '') }
  } catch (error) {
    return missing(
      isAbsent(error)
        ? `expected the secret file ${ref} below the secrets folder, got none; delivery begins when it appears`
        : `the secret file ${ref} cannot be read (${codeOf(error)})`,
    )
  }
}

/** Why `receiver` may not have the keys of `name`. A binding that cannot be read lets nobody have them. */
async function refusal(folder: string, name: string, receiver: URL): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(join(folder, name, bindingFile), 'utf8')
  } catch (error) {
    return isAbsent(error) ? undefined : `the file ${name}/${bindingFile} cannot be read (${codeOf(error)})`
  }
  const hosts = text
    .split('\n')
    .map((line) => line.trim().toLowerCase())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const allowed = compileGlobs(hosts)
  if (allowed(receiver.hostname) || allowed(`${receiver.hostname}:${portOf(receiver)}`)) return undefined
  return `the secret ${name} is for the hosts in ${name}/${bindingFile} alone, and ${receiver.host} is not one of them`
}

const portOf = (url: URL): string => url.port || (url.protocol === 'https:' ? '443' : '80')

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : describeError(error))

const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'

const missing = (reason: string): SecretValue => ({ kind: 'missing', reason })
