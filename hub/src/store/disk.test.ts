import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { minFreeBytes, readableBytes, spaceOf } from './disk.ts'

test('a folder has a file system, with room or without', async () => {
  const { total, available } = await spaceOf(tmpdir())()
  assert.ok(total > 0 && available >= 0 && available <= total)
  await assert.rejects(spaceOf('/nowhere/at/all')(), { code: 'ENOENT' })
})

test('what has to stay free is a share of the file system, or bytes', () => {
  assert.equal(minFreeBytes({ share: 0.1 }, { total: 1_001 }), 101)
  assert.equal(minFreeBytes({ bytes: 5 }, { total: 1_000 }), 5)
})

test('bytes are readable', () => {
  assert.deepEqual([0, 1_023, 1_024, 1_572_864, 4 * 1024 ** 3, 3 * 1024 ** 5].map(readableBytes), [
    '0 bytes',
    '1023 bytes',
    '1Ki',
    '1.5Mi',
    '4Gi',
    '3072Ti',
  ])
})
