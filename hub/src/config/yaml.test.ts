import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from './yaml.ts'

const only = (text: string) => {
  const { documents, problems } = parseYaml(text)
  assert.deepEqual(problems, [])
  const [document] = documents
  assert.ok(document)
  return document
}
const problem = (text: string) => {
  const { problems } = parseYaml(text)
  return problems.map(({ line, column, message }) => `${line}:${column} ${message}`)[0]
}

test('values, keys, items and parents of what is missing have places', () => {
  const { position } = only('kind: X\nspec:\n  list: [a, b]\n  map:\n    key: 1\n  empty:\n')
  const at = (path: (string | number)[], part?: 'key' | 'value') => Object.values(position(path, part)).join(':')
  assert.equal(at([]), '1:1')
  assert.equal(at(['kind']), '1:7')
  assert.equal(at(['kind'], 'key'), '1:1')
  assert.equal(at(['spec', 'list', 1]), '3:13')
  assert.equal(at(['spec', 'map']), '4:3', 'a map is shown at its key')
  assert.equal(at(['spec', 'map', 'key']), '5:10')
  assert.equal(at(['spec', 'map', 'nope', 'deeper']), '4:3')
  assert.equal(at(['spec', 'nope']), '2:1')
  assert.equal(at(['spec', 'empty']), '6:9')
})

test('places in a later document count from the beginning of the file', () => {
  const { documents } = parseYaml('a: 1\n---\n# c\nb:\n  - 2\n')
  assert.deepEqual(documents[1]?.position(['b', 0]), { line: 5, column: 5 })
})

test('documents that hold only comments are none', () => {
  assert.deepEqual(parseYaml('# nothing\n---\n---\n# more\n'), { documents: [], problems: [] })
})

test('keys are texts, and yes, no, on, off are no booleans', () => {
  assert.deepEqual(only('1: no\non: off\nyes: y').value, { 1: 'no', on: 'off', yes: 'y' })
})

test('an alias is its anchor', () => {
  assert.deepEqual(only('a: &x {b: 1}\nc: *x').value, { a: { b: 1 }, c: { b: 1 } })
})

const refused: readonly (readonly [title: string, text: string, problem: RegExp])[] = [
  ['two equal keys', 'a: 1\nb: 2\na: 3', /^3:1 expected valid YAML, got: Map keys must be unique/],
  ['bad indentation', 'a:\n  b: 1\n c: 2', /^3:1 expected valid YAML, got: All mapping items must start at the same column$/],
  ['a tab', 'a:\n\tb: 1', /^2:1 expected valid YAML/],
  ['an unknown tag', 'a: !ruby/object {}', /^1:4 expected valid YAML, got: Unresolved tag/],
  ['a binary', 'a: !!binary aGVsbG8=', /^1:4 expected valid YAML, got: Unresolved tag/],
  ['an unknown anchor', 'a: *b', /^1:4 expected an alias of an anchor that stands before it, got \*b$/],
  ['a list as a key', '[a]: 1', /^1:1 expected valid YAML, got: With stringKeys, all keys must be strings/],
  ['another YAML', '%YAML 1.1\n---\na: yes', /^3:1 expected YAML 1\.2, got 1\.1/],
  ['leading zeros', 'a: {id: 0815}', /^1:9 expected a number without leading zeros \(quote it if it is a text\), got 0815/],
  ['too many digits', 'a: 12345678901234567890', /^1:4 expected a number that JSON can hold .*, got 12345678901234567890/],
  ['not a number', 'a: .nan', /^1:4 expected a number that JSON can hold .*, got \.nan/],
  ['an infinity', 'a: -.inf', /^1:4 expected a number that JSON can hold/],
  ['deep nesting', `a: ${'['.repeat(80)}${']'.repeat(80)}`, /expected at most 64 levels of nesting, got more/],
  [
    'deep nesting by aliases',
    `a: &a ${'['.repeat(40)}${']'.repeat(40)}\nb: ${'['.repeat(40)}*a${']'.repeat(40)}`,
    /^2:.*got more/,
  ],
  ['an alias within its anchor', 'a: &x [*x]', /^1:8 expected an alias that is not part of what it stands for, got \*x$/],
]

for (const [title, text, expected] of refused) test(`${title} is refused`, () => assert.match(problem(text) ?? '', expected))

test('aliases that multiply are refused, and fast', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(',')}]`)
  const text = `l0: &l0 [x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}`
  assert.match(problem(text) ?? '', /expected aliases that stand for at most 100 values, got: Excessive alias count/)
})

test('brackets without end are refused, not followed', () => {
  assert.notEqual(problem('['.repeat(50_000)), undefined)
})

test('a key __proto__ pollutes nothing', () => {
  only('__proto__: {polluted: true}\na: 1')
  assert.equal(Reflect.get({}, 'polluted'), undefined)
})
