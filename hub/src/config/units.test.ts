import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration, parseSize } from './units.ts'

test('parseDuration reads whole numbers of ms, s, m and h', () => {
  assert.deepEqual(['100ms', '1s', '30m', '12h', '0s'].map(parseDuration), [100, 1_000, 1_800_000, 43_200_000, 0])
})

test('parseDuration refuses what is no duration', () => {
  for (const text of ['', '5', 's', '-1s', '1.5s', '1h30m', '1d', '1 s', '1constructor', '99999999999999h'])
    assert.equal(parseDuration(text), undefined, text)
})

test('parseSize reads bytes and binary multiples', () => {
  assert.deepEqual(['17', '512Ki', '1Mi', '2Gi'].map(parseSize), [17, 524_288, 1_048_576, 2_147_483_648])
  assert.equal(parseSize('1MB'), undefined)
})

test('formatDuration gives the shortest form that reads back', () => {
  for (const text of ['0s', '150ms', '90s', '2m', '72h']) assert.equal(formatDuration(parseDuration(text) ?? -1), text)
  assert.equal(formatDuration(3_600_000), '1h')
})
