import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileGlobs } from './glob.ts'

const cases: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ['team-a', 'team-a', true],
  ['team-a', 'team-ab', false],
  ['team-*', 'team-', true],
  ['team-*', 'team-web', true],
  ['team-*', 'ateam-web', false],
  ['*-prod', 'eu-prod', true],
  ['*-prod', 'eu-prod-1', false],
  ['*', '', true],
  ['**', 'anything', true],
  ['?', '', false],
  ['?', 'a', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['*ab', 'aab', true],
  ['a?*', 'a', false],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['', '', true],
  ['', 'a', false],
]

for (const [pattern, text, matches] of cases)
  test(`the glob '${pattern}' ${matches ? 'matches' : 'does not match'} '${text}'`, () => {
    assert.equal(compileGlobs([pattern])(text), matches)
  })

test('any of several globs is enough, and none match nothing', () => {
  const any = compileGlobs(['a', 'b-*'])
  assert.deepEqual(['a', 'b-1', 'c'].map(any), [true, true, false])
  assert.equal(compileGlobs([])(''), false)
})

test('globs agree with the definition by recursion on every small pattern and text', () => {
  const words = (letters: string, length: number): string[] =>
    length === 0 ? [''] : ['', ...words(letters, length - 1).flatMap((word) => [...letters].map((letter) => letter + word))]
  const slow = (pattern: string, text: string): boolean => {
    if (pattern === '') return text === ''
    if (pattern[0] === '*') return slow(pattern.slice(1), text) || (text !== '' && slow(pattern, text.slice(1)))
    return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && slow(pattern.slice(1), text.slice(1))
  }
  const texts = [...new Set(words('ab', 5))]
  for (const pattern of new Set(words('ab*?', 4))) {
    const fast = compileGlobs([pattern])
    for (const text of texts) assert.equal(fast(text), slow(pattern, text), `${pattern} on ${text}`)
  }
})

test('a glob of many stars ends on a text that a backtracking matcher would never finish', () => {
  assert.equal(compileGlobs([`${'a*'.repeat(40)}b`])('a'.repeat(2000)), false)
})
