import assert from 'node:assert/strict'
import test from 'node:test'
import { logRow } from '../delivery/testing/rows.ts'
import { reasons } from '../store/store.ts'
import { decodeEvent, encodeEvent } from './event-line.ts'

test('an event is read back as it was told, whatever the reason of its routes', () => {
  for (const reason of reasons) {
    const routes = [{ endpoint: 'dns', type: 'deleted' as const, reason, watches: ['load-balancers'] }]
    const event = decodeEvent(encodeEvent(logRow({ sequence: 7, routes })))
    assert.deepEqual([event.sequence, event.routes, event.object], [7, routes, { kind: 'Service' }])
  }
})
