/** `Settings.spec.defaults` are checked where they stand, as if they were a manifest: whatever is wrong there is told once. */
import type { Problems } from '../problems.ts'
import type { Declarations } from './declared.ts'
import { checkEndpointNames, checkIgnored } from './references.ts'
import { checkHeaders } from './secrets.ts'
import { checkTogether } from './together.ts'

export function checkDefaults({ settings, names }: Declarations, problems: Problems): void {
  const { spec } = settings?.value ?? {}
  if (settings === undefined || spec?.defaults === undefined) return
  const { manifest } = settings
  const { endpoint = {}, watch = {} } = spec.defaults
  const base = ['spec', 'defaults']
  checkTogether(endpoint, { manifest, at: [...base, 'endpoint'], problems })
  checkHeaders(endpoint, manifest, [...base, 'endpoint'], problems)
  checkEndpointNames(watch.endpoints, names?.Endpoint, (i, message) =>
    problems.add(manifest, [...base, 'watch', 'endpoints', i], message),
  )
  checkIgnored(watch.namespaces?.include, spec.ignoreNamespaces ?? [], (i, message) =>
    problems.add(manifest, [...base, 'watch', 'namespaces', 'include', i], message),
  )
}
