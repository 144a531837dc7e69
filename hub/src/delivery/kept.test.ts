import assert from 'node:assert/strict'
import test from 'node:test'
import type { Format as FormatName } from '../config/model.ts'
import { contextText } from './contexts.ts'
import type { Item } from './formats/format.ts'
import { keep, keepAll, linesOf, unkeep } from './kept.ts'
import { envelopeOf, renderItem } from './render.ts'
import { logRow } from './testing/rows.ts'

const context = contextText({
  cluster: { name: 'prod', uid: 'u', labels: { env: 'prod' }, metadata: { platform: 'metal', n: [1, 2] } },
  watches: { a: { assetId: 'x', note: 'tab\tand\nnewline' }, b: { assetId: 'y' }, other: { secret: 'not mine' } },
})
const item: Item = {
  row: logRow({ sequence: 7, body: '{"n":"9007199254740993","text":"a\\tb\\nc"}', name: 'shop' }),
  member: { sequence: 7, type: 'updated', reason: 'resync', watches: ['a', 'b'] },
  context,
}
const formats: readonly FormatName[] = ['watch-hub', 'watch-proxy', 'cloudevents', 'cloudevents-binary', 'cloudevents-batch']

test('a kept line is told again with the same bytes, in every format', () => {
  for (const format of formats)
    for (const scan of [undefined, 'scan-1']) {
      const before = scan === undefined ? item : { ...item, scan }
      const envelope = envelopeOf({ id: 'b', createdAt: 1 }, { format, metadata: {} }, 'dns')
      assert.equal(renderItem(unkeep(keep(before)), format, envelope), renderItem(before, format, envelope))
    }
})

test('a kept line is the same when it is kept again', () => {
  assert.equal(keep(unkeep(keep(item))), keep(item))
})

test('a patch is kept whole', () => {
  const patched = { ...item, member: { ...item.member, base: 6 } }
  assert.equal(keep(patched), keep(item))
})

test('what other watches attach is not kept', () => {
  assert.doesNotMatch(keep(item), /not mine/)
})

test('lines of a batch come apart as they were put together', () => {
  const payload = keepAll([item, item, item])
  assert.deepEqual(linesOf(payload), [keep(item), keep(item), keep(item)])
  assert.deepEqual(linesOf(''), [])
})

test('what is no kept line is refused', () => {
  assert.throws(() => unkeep('{"n":1}'), /expected a kept line/)
  assert.throws(() => unkeep('{"row":{}}\t{}'), /row/)
})
