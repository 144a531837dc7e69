import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PathError, parsePath, type Segment } from './path.ts'

const field = (name: string): Segment => ({ kind: 'field', name })
const index = (at: number): Segment => ({ kind: 'index', index: at })
const every: Segment = { kind: 'every' }

const good: readonly (readonly [text: string, path: readonly Segment[]])[] = [
  ['spec', [field('spec')]],
  ['spec.ports[*].nodePort', [field('spec'), field('ports'), every, field('nodePort')]],
  ["metadata.annotations['example.com/noise']", [field('metadata'), field('annotations'), field('example.com/noise')]],
  ['data["a.b"]', [field('data'), field('a.b')]],
  ['spec.rules[0][12]', [field('spec'), field('rules'), index(0), index(12)]],
  ["['a'].b", [field('a'), field('b')]],
  ["a['it\\'s']", [field('a'), field("it's")]],
  ["a['0']", [field('a'), field('0')]],
]

for (const [text, path] of good)
  test(`the path ${text} is read`, () => {
    assert.deepEqual(parsePath(text), path)
  })

const bad: readonly (readonly [text: string, offset: number, expected: RegExp])[] = [
  ['', 0, /expected a field name or '\['.* got the end/],
  ['.a', 0, /expected a field name/],
  ['a.', 2, /expected a field name .* got the end/],
  ['a..b', 2, /expected a field name/],
  ['a.[0]', 2, /expected a field name/],
  ['a[', 2, /expected a quoted name, a number or '\*'/],
  ['a[]', 2, /expected a quoted name, a number or '\*'/],
  ['a[x]', 2, /expected a quoted name, a number or '\*'/],
  ['a[-1]', 2, /expected a quoted name/],
  ['a[1', 2, /expected a quoted name/],
  ['a[*', 3, /expected '\]'/],
  ["a['x", 4, /expected a closing '/],
  ["a['']", 3, /expected a name between the quotes/],
  ["a['x'", 5, /expected '\]'/],
  ['metadata.annotations.example.com/noise', 32, /expected '\.', '\[' or the end \(quote names/],
  ['a b', 1, /expected '\.'/],
]

for (const [text, offset, expected] of bad)
  test(`the path '${text}' is refused at offset ${offset}`, () => {
    assert.throws(
      () => parsePath(text),
      (error) => error instanceof PathError && error.offset === offset && expected.test(error.message),
    )
  })
