/** What a schema found, in the words of config problems: `expected …, got …`, one problem per field. */
import { didYouMean } from '../nearest.ts'
import { type FieldPath, shown, valueAt } from '../place.ts'
import type { Issue } from './zod.ts'

export interface SchemaProblem {
  readonly path: FieldPath
  readonly message: string
  /** Whether it is about the field's name. */
  readonly part: 'key' | 'value'
}

/** `value` is what was checked. */
export const problemsOf = (issues: readonly Issue[], value: unknown): readonly SchemaProblem[] =>
  issues.flatMap((issue) => problemsOfIssue(issue, value))

function problemsOfIssue(issue: Issue, value: unknown): readonly SchemaProblem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], part: 'key', message: unknownField(key, issue.message.split(' ')) }))
  if (issue.code === 'invalid_key')
    return [{ path, part: 'key', message: `expected ${issue.issues[0]?.message ?? 'another name'}, got ${shown(path.at(-1))}` }]
  if (issue.code === 'custom') return [{ path, part: 'value', message: issue.message }]
  const branch = issue.code === 'invalid_union' ? branchOf(issue.errors) : undefined
  if (branch !== undefined)
    return branch.flatMap((inner) => problemsOfIssue({ ...inner, path: [...issue.path, ...inner.path] }, value))
  return [{ path, part: 'value', message: `expected ${expectation(issue)}, got ${got(path, value)}` }]
}

function unknownField(key: string, known: readonly string[]): string {
  const hint = didYouMean(key, known)
  return hint === '' ? `expected one of ${known.join(', ')}, got '${key}'` : `expected a known field, got '${key}'${hint}`
}

/** The alternative that was meant: the only one whose outermost type fits, or the only one of those that knows all the fields. */
function branchOf(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter(typeFits)
  const knowing = fitting.filter((issues) => !issues.some(({ code, path }) => code === 'unrecognized_keys' && path.length === 0))
  const meant = fitting.length > 1 ? knowing : fitting
  return meant.length === 1 ? meant[0] : undefined
}

const typeFits = (issues: readonly Issue[]): boolean =>
  !issues.some(
    (issue) =>
      issue.path.length === 0 &&
      (issue.code === 'invalid_type' || (issue.code === 'invalid_union' && !issue.errors.some(typeFits))),
  )

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
}

function expectation(issue: Issue): string {
  if (!/^(Invalid|Too) /.test(issue.message)) return issue.message // the schema's own words
  if (issue.code === 'invalid_type') return typeNames[issue.expected] ?? issue.expected
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' | ')
  return issue.message
}

/** Fields whose texts are never shown, whatever they look like. */
const sensitive = new Set(['auth', 'headers', 'tls', 'signing'])

function got(path: FieldPath, root: unknown): string {
  const value = valueAt(root, path)
  const hidden = typeof value === 'string' && path.some((part) => typeof part === 'string' && sensitive.has(part))
  return hidden ? 'a text' : shown(value)
}
