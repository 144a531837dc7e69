/**
 * Which hub a command talks to, and with which token: what the flags and the environment say; else the hub of a data folder on this
 * machine, the demo's or the local one. A token from a data folder goes to that folder's hub only.
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { decodeJson, integer, optional as maybe, object, string } from '@watch-hub/shared/protocol/decode'
import { describeError } from '@watch-hub/shared/runtime/log'
import { type FlagValues, optional } from './flags.ts'
import type { CliIo } from './io.ts'
import { httpUrl, text } from './values.ts'

export const hubFlags = {
  hub: optional('--hub <url>', { about: 'the hub to talk to', env: 'WATCH_HUB_URL', parse: httpUrl }),
  tokenFile: optional('--token-file <file>', {
    about: 'file with its admin token; WATCH_HUB_TOKEN holds the token itself',
    env: 'WATCH_HUB_TOKEN_FILE',
    parse: text,
  }),
  ca: optional('--ca <file>', { about: 'PEM file of the CA that signed its certificate', env: 'WATCH_HUB_CA', parse: text }),
  data: optional('--data <dir>', {
    about: 'data folder of a hub on this machine, used without --hub; else ./demo/hub-data or ./watch-hub-data',
    env: 'WATCH_HUB_DATA',
    parse: text,
  }),
}

export interface HubAddress {
  readonly url: string
  readonly token: string
  /** Where the token was read. */
  readonly tokenFrom: string
  /** PEM */
  readonly ca?: string
}

/** Written by a running hub into its data folder. */
const hubFile = object({ url: string, pid: maybe(integer) })

interface Found {
  readonly dir: string
  readonly url: string
}

/** Rejects with what was looked for and what to do. */
export async function findHub(io: CliIo, flags: FlagValues<typeof hubFlags>): Promise<HubAddress> {
  const { found, looked } = await searchFolders(io, flags.data)
  const url = flags.hub ?? found?.url
  if (url === undefined)
    throw new Error(
      [
        'no hub found. Looked for:',
        '  --hub or WATCH_HUB_URL: not set',
        ...looked.map((line) => `  ${line}`),
        "Start one with 'npm start' (the demo) or 'watch-hub serve', or name one with --hub URL and --token-file FILE.",
      ].join('\n'),
    )
  const token = await findToken(io, flags, found?.url === url ? found : undefined)
  const ca = flags.ca === undefined ? {} : { ca: await readText(resolve(io.cwd, flags.ca), 'the CA') }
  return { url, ...token, ...ca }
}

async function searchFolders(io: CliIo, data: string | undefined): Promise<{ found?: Found; looked: readonly string[] }> {
  const looked: string[] = []
  for (const folder of data === undefined ? ['demo/hub-data', 'watch-hub-data'] : [data]) {
    const dir = resolve(io.cwd, folder)
    const file = join(dir, 'hub.json')
    try {
      return { found: { dir, url: decodeJson(hubFile, await readFile(file, 'utf8')).url }, looked }
    } catch (error) {
      looked.push(`${file}: ${reason(error)}`)
    }
  }
  return { looked }
}

async function findToken(
  io: CliIo,
  flags: FlagValues<typeof hubFlags>,
  local: Found | undefined,
): Promise<Pick<HubAddress, 'token' | 'tokenFrom'>> {
  if (flags.tokenFile !== undefined) {
    const file = resolve(io.cwd, flags.tokenFile)
    return { token: (await readText(file, 'the admin token')).trim(), tokenFrom: file }
  }
  if (io.env.WATCH_HUB_TOKEN) return { token: io.env.WATCH_HUB_TOKEN.trim(), tokenFrom: 'WATCH_HUB_TOKEN' }
  if (local === undefined)
    throw new Error(
      'no admin token: give --token-file FILE or set WATCH_HUB_TOKEN. The hub wrote its token to the file admin-token of its data folder.',
    )
  const file = join(local.dir, 'admin-token')
  return { token: (await readText(file, 'the admin token')).trim(), tokenFrom: file }
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(`cannot read ${what}`, { cause })
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'this user may not read it',
}

const reason = (error: unknown): string =>
  (error instanceof Error && 'code' in error ? reasons[String(error.code)] : undefined) ?? describeError(error)
