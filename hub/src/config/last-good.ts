/** The last config that went live, on disk: what a hub starts with while the source cannot be read. Replaced as a whole, or not at all. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { array, decodeJson, object, string } from '@watch-hub/shared/protocol/decode'
import type { ManifestFile } from './model.ts'

export interface LastGood {
  readonly commit: string
  readonly files: readonly ManifestFile[]
}

const shape = object({ commit: string, files: array(object({ path: string, text: string, id: string })) })

/** Undefined when there is none. Throws when there is one that cannot be read. */
export async function loadLastGood(file: string): Promise<LastGood | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  return decodeJson(shape, text)
}

/** Resolves when it is on disk. */
export async function saveLastGood(file: string, { commit, files }: LastGood): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.tmp`
  {
    await using handle = await open(temporary, 'w', 0o600)
    await handle.writeFile(JSON.stringify({ commit, files }))
    await handle.sync()
  }
  await rename(temporary, file)
}
