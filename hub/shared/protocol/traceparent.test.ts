import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTraceparent, newSpanId, newTrace, parseTraceparent, traceparent } from './traceparent.ts'

const text = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('a traceparent is taken apart and put together again', () => {
  const context = parseTraceparent(text)
  assert.deepEqual(context, { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true })
  assert.equal(context && formatTraceparent(context), text)
})

test('only the sampled bit of the flags says that a trace is sampled', () => {
  assert.equal(parseTraceparent(text.replace(/01$/, '02'))?.sampled, false)
  assert.equal(parseTraceparent(text.replace(/01$/, '03'))?.sampled, true)
})

test('what is no traceparent of version 00 is nothing, and as a message refused', () => {
  const zeroTrace = `00-${'0'.repeat(32)}-b7ad6b7169203331-01`
  const zeroSpan = `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`
  for (const wrong of ['', text.toUpperCase(), text.replace(/^00/, '01'), `${text}-x`, zeroTrace, zeroSpan]) {
    assert.equal(parseTraceparent(wrong), undefined)
    assert.throws(() => traceparent.decode(wrong, 'entry.traceparent'), { message: /^entry\.traceparent: expected 00-/ })
  }
})

test('traces that are drawn have ids of their own, and are not sampled unless told', () => {
  const ids = Array.from({ length: 5_000 }, () => newTrace())
  assert.equal(new Set(ids.map(({ traceId }) => traceId)).size, ids.length)
  assert.ok(ids.every((each) => parseTraceparent(formatTraceparent(each)) !== undefined && !each.sampled))
  assert.match(newSpanId(), /^[0-9a-f]{16}$/)
})
