/** Reads what git prints about trees and blobs. */
import type { Buffer } from 'node:buffer'

export interface TreeLine {
  readonly mode: string
  readonly type: string
  readonly id: string
  /** 0 for what has no size of its own. */
  readonly bytes: number
  readonly path: string
}

/** Of `ls-tree -z -l`. */
export const parseTree = (output: string): readonly TreeLine[] =>
  output
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const tab = line.indexOf('\t')
      const [mode = '', type = '', id = '', size = ''] = line.slice(0, tab).split(/ +/)
      return { mode, type, id, bytes: Number.parseInt(size, 10) || 0, path: line.slice(tab + 1) }
    })

/** Of `cat-file --batch`: contents by id. What git does not have is not in it. */
export function parseObjects(output: Buffer): ReadonlyMap<string, Buffer> {
  const objects = new Map<string, Buffer>()
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(10, at)
    if (end < 0) break
    const [id = '', , size] = output.toString('utf8', at, end).split(' ')
    at = end + 1
    if (size === undefined) continue // `<id> missing`
    objects.set(id, output.subarray(at, at + Number(size)))
    at += Number(size) + 1
  }
  return objects
}

export interface Tips {
  /** `refs/heads/…` that HEAD stands for; absent when the remote does not say. */
  readonly head?: string
  readonly commits: ReadonlyMap<string, string>
}

/** Of `ls-remote --symref`. */
export function parseTips(output: string): Tips {
  const commits = new Map<string, string>()
  let head: string | undefined
  for (const line of output.split('\n')) {
    const [left = '', name = ''] = line.split('\t')
    if (left.startsWith('ref: ') && name === 'HEAD') head = left.slice('ref: '.length)
    else if (name !== '') commits.set(name, left)
  }
  return { ...(head === undefined ? {} : { head }), commits }
}
