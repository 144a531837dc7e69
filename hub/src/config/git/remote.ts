/** Where the config repo is and what opens it: the URL as people give it, taken apart so that credentials are in no argument and no message. */
import { readFile } from 'node:fs/promises'
import type { GitSettings } from './git.ts'

export interface RemoteSettings {
  /** A URL as git takes it, or a path. */
  readonly url: string
  /** Holds a token, or `user:token`; for https. Read each time, so it can be replaced. */
  readonly tokenFile?: string
  readonly sshKeyFile?: string
  readonly knownHostsFile?: string
}

/** Something about the settings that people have to mend. Holds no secret. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
}

export interface Remote {
  /** What git is given. */
  readonly url: string
  readonly access: Pick<GitSettings, 'sshCommand' | 'authorization'>
}

const web = /^https?:\/\//i

/** The URL without credentials: what may be shown. */
export function shownRemote(url: string): string {
  const parsed = web.test(url) ? URL.parse(url) : null
  if (parsed === null) return url
  parsed.username = ''
  parsed.password = ''
  parsed.search = ''
  return parsed.href
}

/** Throws RemoteError. */
export async function resolveRemote({ url, tokenFile, sshKeyFile, knownHostsFile }: RemoteSettings): Promise<Remote> {
  if (url === '' || url.startsWith('-') || /^[a-z]+::/i.test(url))
    throw new RemoteError(`expected the URL or path of a Git repo, got '${shownRemote(url)}'`)
  if (!web.test(url)) {
    if (tokenFile !== undefined) throw new RemoteError(`expected an https URL for the token file, got ${shownRemote(url)}`)
    return { url, access: { sshCommand: sshCommandOf(sshKeyFile, knownHostsFile) } }
  }
  const user = tokenFile === undefined ? userOf(url) : await readToken(tokenFile)
  if (user === undefined) return { url: shownWithQuery(url), access: {} }
  if (!mayCarryCredentials(url))
    throw new RemoteError(`credentials never go over plain http: expected an https URL, got ${shownRemote(url)}`)
  return { url: shownWithQuery(url), access: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } }
}

function shownWithQuery(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) throw new RemoteError('expected the URL of a Git repo, got one that cannot be read')
  parsed.username = ''
  parsed.password = ''
  return parsed.href
}

function mayCarryCredentials(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}

function userOf(url: string): string | undefined {
  const { username, password } = new URL(url)
  if (username === '' && password === '') return undefined
  return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
}

/** Most hosts take any user name beside a token. */
async function readToken(file: string): Promise<string> {
  let text: string
  try {
    text = (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new RemoteError(`expected a token in ${file}, but it cannot be read`, { cause })
  }
  if (text === '' || /\s/.test(text))
    throw new RemoteError(`expected one token in ${file}, got ${text === '' ? 'nothing' : 'several words'}`)
  return text.includes(':') ? text : `x-access-token:${text}`
}

function sshCommandOf(keyFile: string | undefined, knownHostsFile: string | undefined): string {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ConnectTimeout=15',
    ...(keyFile === undefined ? [] : ['IdentitiesOnly=yes']),
    ...(knownHostsFile === undefined ? [] : [`UserKnownHostsFile="${knownHostsFile}"`]),
  ]
  const identity = keyFile === undefined ? [] : ['-i', quoted(keyFile)]
  return ['ssh', ...identity, ...options.map((option) => `-o ${quoted(option)}`)].join(' ')
}

/** For the shell that git runs the command with. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
