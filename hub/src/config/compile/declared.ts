/** Manifests, one by one: checked by the schema of their kind, and no two of one kind and name. */

import { isRecord } from '@watch-hub/shared/protocol/decode'
import type { Manifest } from '../parse.ts'
import type { Problems } from '../problems.ts'
import { placeText } from '../problems.ts'
import { problemsOf } from '../schema/issues.ts'
import { check, type Schema } from '../schema/zod.ts'
import {
  type ClusterManifest,
  type EndpointManifest,
  type Kind,
  kinds,
  manifestSchemas,
  type SettingsManifest,
  type WatchManifest,
} from '../schema.ts'

/** A manifest that its schema accepted. */
export interface Declared<T> {
  readonly manifest: Manifest
  readonly value: T
}

export interface Declarations {
  readonly clusters: readonly Declared<ClusterManifest>[]
  readonly endpoints: readonly Declared<EndpointManifest>[]
  readonly watches: readonly Declared<WatchManifest>[]
  readonly settings: Declared<SettingsManifest> | undefined
  /**
   * Names of all manifests, also of those that were not accepted: what refers to these is not to blame. Undefined when some could not even
   * be read, so that any name may be theirs.
   */
  readonly names: Readonly<Record<Kind, ReadonlySet<string>>> | undefined
  /** Kinds of which a manifest was not accepted: what is missing there may be just hidden. */
  readonly broken: ReadonlySet<Kind>
}

/** `complete`: every manifest there is could be read. */
export function declare(manifests: readonly Manifest[], complete: boolean, problems: Problems): Declarations {
  const unique = withoutDoubles(manifests, problems)
  const broken = new Set<Kind>(complete ? [] : kinds)
  const accepted = <T>(kind: Kind, schema: Schema<T>): readonly Declared<T>[] =>
    unique
      .filter((manifest) => manifest.kind === kind)
      .flatMap((manifest) => {
        const checked = check(schema, manifest.value)
        if (checked.ok) return [{ manifest, value: checked.value }]
        broken.add(kind)
        for (const { path, message, part } of problemsOf(checked.issues, manifest.value))
          problems.add(manifest, path, message, part)
        return []
      })
  return {
    clusters: accepted('Cluster', manifestSchemas.Cluster),
    endpoints: accepted('Endpoint', manifestSchemas.Endpoint),
    watches: accepted('Watch', manifestSchemas.Watch),
    settings: accepted('Settings', manifestSchemas.Settings)[0],
    names: complete ? namesOf(manifests) : undefined,
    broken,
  }
}

function namesOf(manifests: readonly Manifest[]): NonNullable<Declarations['names']> {
  const names = { Cluster: new Set<string>(), Endpoint: new Set<string>(), Watch: new Set<string>(), Settings: new Set<string>() }
  for (const manifest of manifests) {
    const name = nameOf(manifest)
    if (name !== undefined) names[manifest.kind].add(name)
  }
  return names
}

function nameOf({ value }: Manifest): string | undefined {
  return isRecord(value.metadata) && typeof value.metadata.name === 'string' ? value.metadata.name : undefined
}

/** The first of each kind and name, and the first Settings whatever its name. */
function withoutDoubles(manifests: readonly Manifest[], problems: Problems): readonly Manifest[] {
  const first = new Map<string, Manifest>()
  return manifests.filter((manifest) => {
    const name = nameOf(manifest)
    const key = manifest.kind === 'Settings' ? manifest.kind : `${manifest.kind} ${name}`
    const other = first.get(key)
    if (name === undefined && manifest.kind !== 'Settings') return true
    if (other === undefined) {
      first.set(key, manifest)
      return true
    }
    const where = `(the first is at ${placeText(other.at)})`
    if (manifest.kind === 'Settings') problems.add(manifest, [], `expected at most one Settings, got a second one ${where}`)
    else problems.add(manifest, ['metadata', 'name'], `expected one ${manifest.kind} named '${name}', got a second one ${where}`)
    return false
  })
}
