import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptRecord } from '../store/store.ts'
import { contextText } from './contexts.ts'
import { eventId, type Item } from './formats/format.ts'
import { silentMeter } from './meter.ts'
import { observed } from './observe.ts'
import type { NamedFailure } from './send.ts'
import { logRow } from './testing/rows.ts'
import type { AttemptEnd } from './tracer.ts'

const context = contextText({ cluster: { name: 'c', uid: 'u', labels: {}, metadata: {} }, watches: {} })
const items = [7, 8].map(
  (sequence): Item => ({ row: logRow({ sequence }), member: { sequence, type: 'updated', watches: [] }, context }),
)

/** What is noted and traced of a request that was accepted without these. */
async function observe(failures: readonly NamedFailure[]) {
  const noted: AttemptRecord[] = []
  const ended: AttemptEnd[] = []
  const trace = { traceparent: 't', request: () => ({ end: () => {} }), end: (of: AttemptEnd) => void ended.push(of) }
  const tracer = { begin: () => trace }
  const send = observed(async () => ({ kind: 'accepted', status: 200, failures }), {
    ...{ meter: silentMeter, tracer, now: () => 5, note: (attempt: AttemptRecord) => void noted.push(attempt) },
  })
  const body = Buffer.from('{}')
  await send({ id: 'b', endpoint: 'dns', events: 2, body, headers: {}, items }, new AbortController().signal)
  return { noted, ended }
}

test('of events that an endpoint names its words are not noted, and only those of the request count as not taken', async () => {
  const secret = 'Bearer s3cr3t'
  const own = items.slice(1).map((item) => ({ id: eventId(item), message: 'no such zone', retry: true }))
  const { noted, ended } = await observe([{ id: secret, message: '', retry: true }, ...own])
  assert.partialDeepStrictEqual(noted, [{ outcome: 'accepted', untaken: [8], told: { sequences: [7, 8] } }])
  assert.ok(!JSON.stringify([noted, ended]).includes(secret))
  assert.deepEqual(ended, [{ outcome: 'accepted', status: 200, untaken: 1 }])
})
