import assert from 'node:assert/strict'
import test from 'node:test'
import { retryAfterMs } from './retry.ts'

test('Retry-After is read as seconds or as a date and never above one hour', () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0)
  assert.equal(retryAfterMs('120', now), 120_000)
  assert.equal(retryAfterMs('Mon, 23 Nov 2026 12:00:30 GMT', now), 30_000)
  assert.equal(retryAfterMs('315360000', now), 3_600_000)
  assert.equal(retryAfterMs('9'.repeat(400), now), 3_600_000)
})

test('a Retry-After that is past, negative or garbage asks for nothing', () => {
  for (const header of [undefined, '', '0', '-5', 'soon', '1.5', '7 days', 'Mon, 23 Nov 2020 12:00:30 GMT', 'Mon, never'])
    assert.equal(retryAfterMs(header, Date.UTC(2026, 10, 23)), undefined, header)
})
