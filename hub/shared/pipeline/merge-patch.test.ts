import assert from 'node:assert/strict'
import test from 'node:test'
import { applyMergePatch, mergePatch, sameJson } from './merge-patch.ts'

/** RFC 7396, appendix A: original, patch, result. */
const examples: readonly (readonly [original: string, patch: string, result: string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
]

const applied = (original: string, patch: string): string =>
  JSON.stringify(applyMergePatch(JSON.parse(original), JSON.parse(patch)))
const made = (before: string, after: string): string | undefined => {
  const patch = mergePatch(JSON.parse(before), JSON.parse(after))
  return patch === undefined ? undefined : JSON.stringify(patch)
}

for (const [original, patch, result] of examples)
  test(`the example of RFC 7396: ${original} with ${patch} is ${result}`, () => {
    assert.equal(applied(original, patch), result)
    assert.equal(applied(original, made(original, result) ?? 'no patch'), result)
  })

test('a patch says what changed, and nothing else', () => {
  const before = '{"kept":{"a":[1,2]},"nested":{"a":1,"b":2,"c":{"d":1}},"gone":1,"list":[1]}'
  const after = '{"kept":{"a":[1,2]},"nested":{"a":1,"b":3,"c":{}},"list":[1,2],"new":{"x":"y"}}'
  assert.equal(made(before, after), '{"gone":null,"nested":{"b":3,"c":{"d":null}},"list":[1,2],"new":{"x":"y"}}')
  assert.equal(made(before, before), '{}')
})

test('a patch that would have to say null does not exist', () => {
  for (const [before, after] of [
    ['{}', '{"a":null}'],
    ['{"a":1}', '{"a":null}'],
    ['{}', '{"a":{"b":null}}'],
    ['{"a":[{}]}', '{"a":{"b":{"c":null}}}'],
  ] as const)
    assert.equal(made(before, after), undefined, `${before} → ${after}`)
})

test('null may stay where it is, and stand in a list', () => {
  assert.equal(made('{"a":null,"b":1}', '{"a":null,"b":2}'), '{"b":2}')
  assert.equal(made('{}', '{"a":[null,{"b":null}]}'), '{"a":[null,{"b":null}]}')
})

test('the order of keys is no change', () => {
  assert.equal(made('{"a":1,"b":{"c":1,"d":2}}', '{"b":{"d":2,"c":1},"a":1}'), '{}')
})

test('a key __proto__ is data', () => {
  const before = '{"__proto__":{"a":1},"b":1}'
  const after = '{"__proto__":{"a":1,"polluted":true},"b":1}'
  assert.equal(made(before, after), '{"__proto__":{"polluted":true}}')
  assert.equal(applied(before, '{"__proto__":{"polluted":true}}'), after)
  assert.equal(applied('{"b":1}', '{"__proto__":{"polluted":true}}'), '{"b":1,"__proto__":{"polluted":true}}')
  assert.equal(made('{}', '{"constructor":{"prototype":{"polluted":true}},"toString":1}') === undefined, false)
  assert.equal(made('{"toString":1}', '{}'), '{"toString":null}')
  assert.equal(Reflect.get({}, 'polluted'), undefined)
})

test('what is shared with the inputs is never written to', () => {
  const before = Object.freeze({ a: Object.freeze({ b: 1 }), list: Object.freeze([1]) })
  const patch = Object.freeze({ a: Object.freeze({ c: 2 }) })
  assert.deepEqual(applyMergePatch(before, patch), { a: { b: 1, c: 2 }, list: [1] })
})

test('lists are equal by what is where', () => {
  assert.equal(sameJson([1, { a: [] }], [1, { a: [] }]), true)
  assert.equal(sameJson([1, 2], [2, 1]), false)
  assert.equal(sameJson([], {}), false)
  assert.equal(sameJson({}, []), false)
  assert.equal(sameJson({ a: 1 }, { b: 1 }), false)
  assert.equal(sameJson(null, {}), false)
})
