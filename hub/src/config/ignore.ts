/**
 * `.watchhubignore`: files of the config path that are none of ours. One pattern per line, `#` begins a comment:
 *  - without a slash it is a name at any depth: `kustomization.yaml`, `*.gen.yaml`, `charts`
 *  - with a slash it is a path from the config path: `apps/*.yaml`, `/argocd`, `vendor/**`
 *  - a folder that matches is ignored with all that is in it
 * `*` and `?` do not cross a slash, `**` does. There is no negation.
 */
import { compileGlobs } from '@watch-hub/shared/pipeline/glob'

export const ignoreFile = '.watchhubignore'

/** `path` has no leading slash. */
export type Ignore = (path: string) => boolean

export const ignoreNothing: Ignore = () => false

export function parseIgnore(text: string): Ignore {
  const tests = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(compilePattern)
  return (path) => {
    const parts = path.split('/')
    return tests.some((test) => parts.some((_part, i) => test(parts.slice(0, i + 1))))
  }
}

type PathTest = (parts: readonly string[]) => boolean

function compilePattern(pattern: string): PathTest {
  const trimmed = pattern.replace(/\/+$/, '')
  if (!trimmed.includes('/')) {
    const matches = compileGlobs([trimmed])
    return (parts) => matches(parts.at(-1) ?? '')
  }
  const steps = trimmed
    .replace(/^\/+/, '')
    .split('/')
    .map((step) => (step === '**' ? ('any' as const) : compileGlobs([step])))
  return (parts) => matchesSteps(steps, parts)
}

type Step = 'any' | ((part: string) => boolean)

/** One row per step: which lengths of the path the steps so far can take. Costs steps × parts, whatever the pattern. */
function matchesSteps(steps: readonly Step[], parts: readonly string[]): boolean {
  let reachable = new Set([0])
  for (const step of steps) {
    const next = new Set<number>()
    for (const at of reachable) {
      const part = parts[at]
      if (step === 'any') for (let to = at; to <= parts.length; to++) next.add(to)
      else if (part !== undefined && step(part)) next.add(at + 1)
    }
    reachable = next
  }
  return reachable.has(parts.length)
}
