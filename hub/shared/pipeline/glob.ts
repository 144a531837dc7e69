/**
 * Globs over names: `*` is any run of characters, also none; `?` is exactly one; everything else is itself. The whole text has to match.
 * Costs at most text × pattern steps, whatever the pattern: a star never goes back further than to the star before it.
 */
type Test = (text: string) => boolean

/** True when any of the patterns matches. No patterns match nothing. */
export function compileGlobs(patterns: readonly string[]): Test {
  const exact = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)))
  const tests = patterns.filter((pattern) => !exact.has(pattern)).map(compileOne)
  if (tests.length === 0) return (text) => exact.has(text)
  return (text) => exact.has(text) || tests.some((test) => test(text))
}

function compileOne(pattern: string): Test {
  if (/^\*+$/.test(pattern)) return () => true
  const prefix = pattern.slice(0, -1)
  if (pattern.endsWith('*') && !/[*?]/.test(prefix)) return (text) => text.startsWith(prefix)
  return (text) => globMatches(pattern, text)
}

/** Reads both from the left. On a mismatch the last star takes one character more; earlier stars never need to. */
function globMatches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let afterStar = -1
  let starEnd = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      afterStar = ++p
      starEnd = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (afterStar >= 0) {
      p = afterStar
      t = ++starEnd
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
