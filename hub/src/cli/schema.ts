/** `watch-hub schema [KIND]`: JSON Schemas of the manifests, for editors and other tools. They are made from what `validate` checks. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { didYouMean } from '../config/nearest.ts'
import { type JsonSchema, kindJsonSchema, kinds, manifestJsonSchema } from '../config/schema.ts'
import { command } from './command.ts'
import { optional, UsageError } from './flags.ts'
import { json } from './output.ts'
import { text } from './values.ts'

export const schema = command({
  name: 'schema',
  about: 'print the JSON Schemas of the manifests',
  args: [['[kind]', `${kinds.join(', ')}; without it, one schema for all of them`]],
  flags: {
    dir: optional('--dir <dir>', {
      about: 'write a file per kind, and manifest.json for all, into this folder instead',
      parse: text,
    }),
  },
  notes: 'In a manifest, for editors: # yaml-language-server: $schema=../schema/watch.json',
  run: async (io, { dir }, [kind]) => {
    if (dir === undefined) return io.out(json(kind === undefined ? manifestJsonSchema() : kindJsonSchema(kindOf(kind))))
    if (kind !== undefined) throw new UsageError(`expected either a kind or --dir, got both`)
    const folder = resolve(io.cwd, dir)
    await mkdir(folder, { recursive: true })
    for (const [name, text] of schemaFiles()) await writeFile(join(folder, name), text)
    io.out(`wrote ${[...schemaFiles().keys()].join(', ')} to ${dir}`)
  },
})

/** File names and texts. */
export function schemaFiles(): ReadonlyMap<string, string> {
  const file = (name: string, content: JsonSchema) => [`${name.toLowerCase()}.json`, `${json(content)}\n`] as const
  return new Map([...kinds.map((kind) => file(kind, kindJsonSchema(kind))), file('manifest', manifestJsonSchema())])
}

function kindOf(given: string): (typeof kinds)[number] {
  const found = kinds.find((kind) => kind.toLowerCase() === given.toLowerCase())
  if (found === undefined) throw new UsageError(`expected one of ${kinds.join(', ')}, got '${given}'${didYouMean(given, kinds)}`)
  return found
}
