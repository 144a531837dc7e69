import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIgnore } from './ignore.ts'

const cases: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
  ['charts', ['charts/a.yaml', 'x/charts/b.yaml', 'charts'], ['mycharts/a.yaml', 'charts.yaml']],
  ['*.gen.yaml', ['a.gen.yaml', 'x/y/b.gen.yaml'], ['a.yaml']],
  ['/argocd', ['argocd/app.yaml'], ['x/argocd/app.yaml']],
  ['apps/*.yaml', ['apps/a.yaml'], ['apps/x/a.yaml', 'x/apps/a.yaml']],
  ['apps/', ['apps/a.yaml', 'x/apps/b.yaml'], ['apps.yaml']],
  ['vendor/**', ['vendor/a.yaml', 'vendor/x/y.yaml'], ['a/vendor/x.yaml']],
  ['**/test/*.yaml', ['test/a.yaml', 'x/y/test/a.yaml'], ['x/test/y/a.yaml']],
  ['a?.yaml', ['ab.yaml'], ['a.yaml', 'abc.yaml']],
  ['# charts', [], ['charts', '# charts']],
]

for (const [pattern, matches, others] of cases)
  test(`the pattern '${pattern}' ignores what it should and nothing else`, () => {
    const ignore = parseIgnore(`\n${pattern}  \n`)
    assert.deepEqual([...matches, ...others].filter(ignore), matches)
  })

test('a hostile pattern costs no more than its length', () => {
  assert.equal(parseIgnore(`/${'**/'.repeat(500)}x`)(`${'a/'.repeat(100)}b`), false)
})
