import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { listBody } from './list-body.ts'

function take(chunks: readonly Buffer[], maxItemBytes?: number) {
  const body = listBody(maxItemBytes)
  return { items: chunks.flatMap((chunk) => body.push(chunk)), rest: body.end() }
}
const whole = (text: string, maxItemBytes?: number) => take([Buffer.from(text)], maxItemBytes)

const items = [
  { metadata: { name: 'a' }, data: { tricky: '}]{["\\" \\\\', items: [1, [2, { items: [] }]] } },
  { metadata: { name: 'жук 🐞' }, empty: {}, none: [] },
  {},
]
const listText = JSON.stringify({
  kind: 'List',
  metadata: { continue: 'items', labels: { items: [{}] } },
  items,
  more: { items: [{ not: 'an item' }] },
})

suite('listBody', () => {
  test('takes the items out of a list and keeps what is around them', () => {
    const { items: texts, rest } = whole(listText)
    assert.deepEqual(
      texts,
      items.map((item) => JSON.stringify(item)),
    )
    assert.deepEqual(JSON.parse(rest), { ...JSON.parse(listText), items: [] })
  })

  test('takes the same wherever the bytes are cut', () => {
    const bytes = Buffer.from(listText)
    const expected = whole(listText)
    for (let at = 0; at <= bytes.length; at++)
      assert.deepEqual(take([bytes.subarray(0, at), bytes.subarray(at)]), expected, `cut at ${at}`)
    assert.deepEqual(take(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), expected)
  })

  test('takes items that stand before the metadata, and are written with spaces and newlines', () => {
    const { items: texts, rest } = whole('{ "items" : [ { "a" : 1 } ,\n\t{"b":2}\n] , "metadata" : { } }\n')
    assert.deepEqual(
      texts.map((text) => JSON.parse(text)),
      [{ a: 1 }, { b: 2 }],
    )
    assert.deepEqual(JSON.parse(rest), { items: [], metadata: {} })
  })

  test('knows lists without items', () => {
    for (const text of ['{"items":[]}', '{"items":null}', '{"metadata":{}}'])
      assert.deepEqual(whole(text), { items: [], rest: text })
  })

  test('takes no other list for the items', () => {
    for (const text of ['{"kind":"items","other":[{}]}', '{"a":{"items":[{}]}}'])
      assert.deepEqual(whole(text), { items: [], rest: text })
  })

  test('refuses a list that is not whole', () => {
    for (const text of ['', '{"items":[{}', '{"items":[{}]', '{"items":[{"a":"}'])
      assert.throws(() => whole(text), /expected a whole list/, text)
  })

  test('refuses items that are no objects', () => {
    for (const text of ['{"items":["a"]}', '{"items":[1]}', '{"items":[null]}', '{"items":[[]]}', '{"items":[{},true]}'])
      assert.throws(() => whole(text), /expected objects as the items/, text)
  })

  test('refuses what is too large to be held', () => {
    assert.equal(whole('{"items":[{"a":"0123456789"}]}', 18).items.length, 1)
    assert.throws(() => whole('{"items":[{"a":"0123456789"}]}', 17), /expected at most 17 bytes in an item/)
    assert.throws(() => whole(`{"a":"${'x'.repeat(2 ** 20)}"}`), /expected at most 1048576 bytes around the items/)
  })
})
