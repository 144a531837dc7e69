/**
 * Manifest files → manifests that know where they stand. Here: YAML, the API version and the kind. What a kind may say is `schema`'s,
 * what manifests mean together is `compile`'s.
 *
 * Parsing is the slow part, so its results are kept by file id for as long as the file is there, and it gives way to other work again and again.
 */
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { ConfigProblem, ManifestFile, SourceRef } from './model.ts'
import { didYouMean } from './nearest.ts'
import { type FieldPath, pathText, shown } from './place.ts'
import { apiVersion, type Kind, kinds } from './schema.ts'
import { parseYaml, type YamlDocument, type YamlFile } from './yaml.ts'

export interface Manifest {
  readonly kind: Kind
  /** As it is written; nothing is checked yet but that it is a map. */
  readonly value: Readonly<Record<string, unknown>>
  /** Place of the manifest as a whole. */
  readonly at: SourceRef
  /** Place of a field; of the nearest parent when it is not there. */
  place(path: FieldPath, part?: 'key' | 'value'): SourceRef
}

export interface Parsed {
  readonly manifests: readonly Manifest[]
  readonly problems: readonly ConfigProblem[]
}

export interface ManifestParser {
  parse(files: readonly ManifestFile[], signal?: AbortSignal): Promise<Parsed>
}

/** Files are parsed for this long before other work has its turn. */
const giveWayMs = 20

export function createParser(): ManifestParser {
  let known: ReadonlyMap<string, YamlFile> = new Map()
  return {
    async parse(files, signal) {
      const now = new Map<string, YamlFile>()
      const parsed: Parsed[] = []
      let since = Number.NEGATIVE_INFINITY
      for (const file of files) {
        if (performance.now() - since > giveWayMs) {
          await sleep(0, signal)
          since = performance.now()
        }
        const yaml = now.get(file.id) ?? known.get(file.id) ?? parseYaml(file.text)
        now.set(file.id, yaml)
        parsed.push(manifestsOf(file.path, yaml))
      }
      known = now
      return { manifests: parsed.flatMap(({ manifests }) => manifests), problems: parsed.flatMap(({ problems }) => problems) }
    },
  }
}

function manifestsOf(file: string, { documents, problems }: YamlFile): Parsed {
  const found = documents.map((document) => manifestOf(file, document))
  return {
    manifests: found.flatMap((each) => ('kind' in each ? [each] : [])),
    problems: [
      ...problems.map(({ line, column, message }) => ({ file, line, column, path: '', message })),
      ...found.flatMap((each) => ('kind' in each ? [] : [each])),
    ],
  }
}

function manifestOf(file: string, { value, position }: YamlDocument): Manifest | ConfigProblem {
  const place: Manifest['place'] = (path, part) => ({ file, ...position(path, part) })
  const problem = (path: FieldPath, expected: string, got: unknown, hint = ''): ConfigProblem => ({
    ...place(path),
    path: pathText(path),
    message: `expected ${expected}, got ${shown(got)}${hint}`,
  })
  if (!isRecord(value)) return problem([], 'a manifest, a map with apiVersion, kind, metadata and spec', value)
  if (value.apiVersion !== apiVersion)
    return problem(['apiVersion'], `${apiVersion} (list files that are none of ours in .watchhubignore)`, value.apiVersion)
  const kind = kinds.find((each) => each === value.kind)
  if (kind === undefined) {
    const hint = typeof value.kind === 'string' ? didYouMean(value.kind, kinds) : ''
    return problem(['kind'], kinds.join(' | '), value.kind, hint)
  }
  return { kind, value, at: place([]), place }
}
