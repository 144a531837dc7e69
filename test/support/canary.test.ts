import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canary, sighted } from './canary.ts'

test('a canary is sighted in every spelling and at every offset, and nowhere else', () => {
  const canaries = { mine: canary('mine'), other: canary('other') }
  const { mine } = canaries
  const places = [
    `before ${mine} after`,
    JSON.stringify({ mine }),
    encodeURIComponent(mine),
    new URLSearchParams({ mine }).toString(),
    Buffer.from(mine).toString('hex'),
    ...['', 'a', 'ab', 'abc:'].flatMap((before) =>
      ['', 'z', 'zz'].flatMap((after) => [
        Buffer.from(`${before}${mine}${after}`).toString('base64'),
        Buffer.from(`${before}${mine}${after}`).toString('base64url'),
      ]),
    ),
  ]
  for (const place of places) assert.deepEqual(sighted(place, canaries), ['mine'], place)
  assert.deepEqual(sighted(Buffer.concat([Buffer.from([0, 255]), Buffer.from(mine)]), canaries), ['mine'])
  for (const cut of [mine.slice(12), mine.slice(0, -12)]) assert.deepEqual(sighted(cut, canaries), ['mine'])
  assert.deepEqual(sighted(mine.slice(0, -13), canaries), [])
})

test('a PEM is sighted by any of its lines', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n'
  const canaries = { key }
  assert.deepEqual(sighted('…AgEGCCqGSM49AwEHBG0w…', canaries), ['key'])
  assert.deepEqual(sighted('-----BEGIN PRIVATE KEY-----', canaries), [])
})
