/** Paths within a manifest, and how values and paths are shown in messages. */

/** Field names and list indices from the root of a manifest. */
export type FieldPath = readonly (string | number)[]

/** `spec.endpoints[0]`, `metadata.labels['a/b']`. */
export function pathText(path: FieldPath): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) return `['${part}']`
      return i === 0 ? part : `.${part}`
    })
    .join('')
}

/** The value at `path`, undefined where there is none. */
export const valueAt = (root: unknown, path: FieldPath): unknown => path.reduce(childOf, root)

function childOf(value: unknown, part: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.getOwnPropertyDescriptor(value, part)?.value
}

/** What came, in words that fit behind "got": short, one line, and never something that looks like a secret. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value !== 'string') return String(value)
  if (secretShape(value) !== undefined) return 'a text'
  const line = value.replace(/\s+/g, ' ')
  return line.length > 60 ? `'${line.slice(0, 60)}…'` : `'${line}'`
}

const secretShapes: readonly (readonly [name: string, shape: RegExp])[] = [
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY/],
  ['a webhook signing secret', /\bwhsec_[A-Za-z0-9+/=]{8,}/],
  ['a GitHub token', /\b(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})/],
  ['a GitLab token', /\bgl(pat|ptt|dt|cbt|rt)-[A-Za-z0-9_-]{16,}/],
  ['an AWS access key', /\b(AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a Slack token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ['a Google API key', /\bAIza[A-Za-z0-9_-]{35}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{30,}/],
  ['a Stripe key', /\b[sr]k_(live|test)_[A-Za-z0-9]{16,}/],
  ['a signed token (JWT)', /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\./],
  ['a URL with a password', /[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i],
]

/** Names the kind of secret that a text looks like; undefined for most texts. */
export const secretShape = (text: string): string | undefined => secretShapes.find(([, shape]) => shape.test(text))?.[0]
