/**
 * Canaries: secrets made for being looked for. Whoever finds one where it does not belong has found a leak, in whatever spelling it got there:
 * as it is, percent-encoded, in hex, within base64 at any of its three offsets, or the most of it.
 */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Name → secret. A PEM is looked for line by line. */
export type Canaries = Readonly<Record<string, string>>

/** The characters are such that a spelling which changes any of them differs from the others. */
export const canary = (name: string): string => `canary/${name}+"${randomBytes(12).toString('hex')}"`

/** Names of the canaries that `place` holds. */
export function sighted(place: string | Buffer, canaries: Canaries): readonly string[] {
  const bytes = typeof place === 'string' ? Buffer.from(place) : place
  return Object.keys(canaries).filter((name) => spellings(canaries[name] ?? '').some((spelling) => bytes.includes(spelling)))
}

/** File → names, of all files below `folder` that hold any. */
export async function sightedIn(folder: string, canaries: Canaries): Promise<Readonly<Record<string, readonly string[]>>> {
  const found: Record<string, readonly string[]> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const names = sighted(await readFile(file), canaries)
    if (names.length > 0) found[file.slice(folder.length + 1)] = names
  }
  return found
}

function spellings(secret: string): readonly string[] {
  const lines = secret.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))
  return lines.flatMap(partsOf).flatMap((line) => {
    const hex = Buffer.from(line).toString('hex')
    const json = JSON.stringify(line).slice(1, -1)
    const form = new URLSearchParams([['', line]]).toString().slice(1)
    const strict = form.replace(/[-_.*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`) // as some read RFC 6749
    const percent = encodeURIComponent(line)
    const base64 = [line, percent, form, strict].flatMap((text) => [0, 1, 2].map((offset) => within(Buffer.from(text), offset)))
    return [line, json, percent, encodeURI(line), form, strict, hex, hex.toUpperCase(), ...base64, ...base64.map(urlSafe)]
  })
}

/** What is found of a secret that was cut, at its end or at its beginning. */
const partsOf = (line: string): readonly string[] => (line.length < 36 ? [line] : [line.slice(0, -12), line.slice(12)])

/** What of the base64 of a text does not depend on what is around `bytes`, which begin at this place of a group of three. */
function within(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  const end = (offset + bytes.length) % 3 === 0 ? encoded.length : encoded.length - 1
  return encoded.slice(offset === 0 ? 0 : offset + 1, end)
}

const urlSafe = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_')
