/**
 * Manifests → one Snapshot, or everything that is wrong with them at once, sorted by place. Pure: no manifest is followed before all are right.
 *
 * First each manifest by itself (schema, fields that cannot be done yet, secrets), then with the repo's defaults under it, then what
 * manifests mean together. A manifest that was refused hides what others refer to, so they are not blamed for it.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import { clusterConfig } from './compile/clusters.ts'
import { type Declarations, declare } from './compile/declared.ts'
import { endpointConfig } from './compile/endpoints.ts'
import { checkPairs } from './compile/pairs.ts'
import { placesOf } from './compile/places.ts'
import { checkDefaults } from './compile/repo-defaults.ts'
import { refuseSecretTexts } from './compile/secrets.ts'
import { watchConfig } from './compile/watches.ts'
import type { Compiled, ConfigProblem, SettingsConfig, Snapshot } from './model.ts'
import type { Parsed } from './parse.ts'
import { collectProblems, type Problems } from './problems.ts'

export interface CompileInput {
  /** Commit id, or `dir-<hash>`. */
  readonly commit: string
  readonly parsed: Parsed
  /** What the source could not read. @default none */
  readonly unread?: readonly ConfigProblem[]
}

export function compile({ commit, parsed, unread = [] }: CompileInput): Compiled {
  const hidden = [...unread, ...parsed.problems]
  const problems = collectProblems(hidden)
  const declared = declare(parsed.manifests, hidden.length === 0, problems)
  for (const manifest of parsed.manifests) refuseSecretTexts(manifest, problems)
  const content = contentOf(declared, problems)
  const found = problems.all()
  if (found.length > 0) return { ok: false, problems: found }
  if (parsed.manifests.length === 0) return { ok: false, problems: [nothing] }
  return { ok: true, snapshot: { commit, hash: hashOf(content), ...content, places: placesOf(declared) } }
}

const nothing: ConfigProblem = {
  file: '.',
  line: 1,
  column: 1,
  path: '',
  message: 'expected at least one manifest in a .yaml or .yml file, got none',
}

type Content = Omit<Snapshot, 'commit' | 'hash' | 'places'>

function contentOf(declared: Declarations, problems: Problems): Content {
  const spec = declared.settings?.value.spec
  const settings: SettingsConfig = { ignoreNamespaces: [...new Set(spec?.ignoreNamespaces)].sort(), attach: spec?.attach ?? {} }
  checkDefaults(declared, problems)
  const clusters = declared.clusters.map(clusterConfig)
  const endpoints = declared.endpoints.map((each) =>
    endpointConfig(each, { defaults: spec?.defaults?.endpoint ?? {}, clusters, problems }),
  )
  const context = { defaults: spec?.defaults?.watch ?? {}, ignoreNamespaces: settings.ignoreNamespaces, clusters, problems }
  const watches = declared.watches.map((each) =>
    watchConfig(each, { ...context, names: declared.names, broken: declared.broken }),
  )
  checkPairs(watches, ({ name }, path, message) => {
    const watch = declared.watches.find(({ value }) => value.metadata.name === name)
    if (watch !== undefined) problems.add(watch.manifest, path, message, 'key')
  })
  return { settings, clusters: byName(clusters), endpoints: byName(endpoints), watches: byName(watches) }
}

const byName = <T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((item) => [item.name, item]))

/** Places are left out: moving a manifest to another line or file changes nothing. */
function hashOf({ settings, clusters, endpoints, watches }: Content): string {
  const withoutPlaces = (items: ReadonlyMap<string, { readonly at: unknown }>) =>
    [...items.values()].map(({ at: _at, ...rest }) => rest)
  return contentHash([settings, ...[clusters, endpoints, watches].map(withoutPlaces)])
}
