import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diag } from '@opentelemetry/api'
import { createLog } from '@watch-hub/shared/runtime/log'
import { bridgeDiag } from './diag.ts'

test('what the SDK says is a warning of the hub once, and again when it is something else', () => {
  const lines: string[] = []
  using _bridge = bridgeDiag(createLog((line) => lines.push(line), 'info'))
  for (let i = 0; i < 3; i++) diag.error('export failed', new Error('connection refused'))
  diag.warn('export failed', new Error('answered 503'))
  diag.debug('items to be sent', { all: 'of them' })
  assert.equal(lines.length, 2)
  assert.match(lines.join(''), /connection refused[\s\S]*answered 503/)
})

test('a bridge that was disposed of says nothing any more', () => {
  const lines: string[] = []
  bridgeDiag(createLog((line) => lines.push(line)))[Symbol.dispose]()
  diag.error('too late')
  assert.deepEqual(lines, [])
})
