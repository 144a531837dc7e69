import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { moments } from '@watch-hub/shared/runtime/moment'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

test('each moment comes at one place in the code', () => {
  const files = globSync(['hub/src/**/*.ts', 'cluster-agent/src/**/*.ts'], { cwd: root }).filter(
    (file) => !file.endsWith('.test.ts'),
  )
  const text = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
  const found = [...text.matchAll(/\bmoment\('([^']+)'\)/g)].map(([, name]) => name)
  assert.deepEqual(found.toSorted(), Object.keys(moments).toSorted())
})
