/** Names in watches, and in the defaults of watches, that have to lead somewhere. Each check reports by the index in its list. */
import { compileGlobs } from '@watch-hub/shared/pipeline/glob'
import { didYouMean } from '../nearest.ts'

type Report = (index: number, message: string) => void

/** `declared` is undefined when some manifests could not be read: any name may be theirs. */
export function checkEndpointNames(
  listed: readonly string[] = [],
  declared: ReadonlySet<string> | undefined,
  report: Report,
): void {
  for (const [i, name] of listed.entries()) {
    if (listed.indexOf(name) < i) report(i, `expected each endpoint once, got '${name}' again`)
    else if (declared?.has(name) === false) {
      const known = declared.size === 0 ? ' (none is declared)' : didYouMean(name, declared)
      report(i, `expected the name of a declared Endpoint, got '${name}'${known}`)
    }
  }
}

/** Globs may well include ignored namespaces among others; a name that is ignored is a contradiction. */
export function checkIgnored(included: readonly string[] = [], ignoreNamespaces: readonly string[], report: Report): void {
  const ignored = compileGlobs(ignoreNamespaces)
  for (const [i, name] of included.entries())
    if (!/[*?]/.test(name) && ignored(name))
      report(i, `expected a namespace that Settings.spec.ignoreNamespaces leaves, got '${name}', which is ignored`)
}
