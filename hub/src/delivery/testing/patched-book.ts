/**
 * What a receiver of patches has to do, and nothing else: ignore what is not newer, put objects, apply a patch to what is stored if that is its
 * base. It knows what each sequence stands for, so it also says when what came of it is not that.
 */
import { applyMergePatch, sameJson } from '@watch-hub/shared/pipeline/merge-patch'
import { array, type Decoded, json, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { readExactly } from './random-json.ts'

const item = object({
  type: string,
  sequence: string,
  resource: object({ uid: string }),
  object: optional(json),
  patch: optional(json),
  base: optional(string),
})
const payload = object({ id: string, items: array(item) })

interface Stored {
  readonly sequence: string
  /** Absent = it was deleted. */
  readonly object?: unknown
}

export interface PatchedBook {
  /** Throws where the hub broke its word. */
  take(body: string): void
  readonly patches: number
  readonly objects: number
}

/** `bodyOf`: the body of the log row of a sequence. */
export function patchedBook(bodyOf: (sequence: number) => string | undefined): PatchedBook {
  const table = new Map<string, Stored>()
  const bytes = new Map<string, string>()
  let patches = 0
  let objects = 0

  function put({ type, sequence, resource: { uid }, ...content }: Decoded<typeof item>): void {
    const stored = table.get(uid)
    if (stored !== undefined && sequence <= stored.sequence) return
    if (type === 'deleted') return void table.set(uid, { sequence })
    const told = content.base === undefined ? content.object : patched(stored, content)
    if (content.base === undefined) objects++
    else patches++
    const truth = readExactly(bodyOf(Number(sequence)) ?? 'null')
    if (!sameJson(told, truth))
      throw new Error(`${uid} at ${sequence}: expected ${JSON.stringify(truth)}, got ${JSON.stringify(told)}`)
    table.set(uid, { sequence, object: told })
  }

  function patched(
    stored: Stored | undefined,
    { base, patch, object: whole }: Omit<Decoded<typeof item>, 'type' | 'sequence' | 'resource'>,
  ) {
    if (stored?.sequence !== base || stored?.object === undefined || whole !== undefined)
      throw new Error(`expected to hold ${base}, which a patch is based on, got ${JSON.stringify(stored)}`)
    return applyMergePatch(stored.object, patch)
  }

  return {
    take(body) {
      const { id, items } = payload.decode(readExactly(body))
      if ((bytes.get(id) ?? body) !== body)
        throw new Error(`batch ${id} came again with other bytes: ${bytes.get(id)}, now ${body}`)
      bytes.set(id, body)
      for (const each of items) put(each)
    },
    get patches() {
      return patches
    },
    get objects() {
      return objects
    },
  }
}
