/** Facts about attempts and holds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answersKept, attemptsKept, toldBytesKept } from '../../engine/attempts-prune.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { AttemptRecord, Pause, Store } from '../../store.ts'
import { activation, watch } from '../world.ts'

const attempt = (batch: string, over: Partial<AttemptRecord> = {}): AttemptRecord => ({
  ...{ batch, at: 1_000, durationMs: 12.25, events: 10, bytes: 20_000, outcome: 'accepted', status: 204, resends: 0 },
  ...over,
})
const failed = (batch: string, over: Partial<AttemptRecord> = {}): AttemptRecord =>
  attempt(batch, { outcome: 'http_5xx', status: 503, error: 'it said 503', answer: 'größer', resends: 1, ...over })

const record = (store: Store, attempts: readonly AttemptRecord[], endpoint = 'dns') =>
  store.freeze({ endpoint, settled: [], batches: [], cursor: 0, attempts })

export function attemptFacts(lab: MakeLab): void {
  test('attempts are listed with the newest first, by batch, or the failed ones alone, also after a crash', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const { status: _, ...refused } = failed('b', { outcome: 'connection_refused' })
    await record(crashed.store, [attempt('a'), failed('b')])
    await record(crashed.store, [refused, attempt('c')])
    await record(crashed.store, [attempt('d')], 'cmdb')
    await crashed.kill()
    const { store } = await world.open()
    const list = (over: { readonly batch?: string; readonly failed?: boolean; readonly limit?: number } = {}) =>
      store.attempts({ endpoint: 'dns', limit: 100, ...over })
    assert.deepEqual(await list(), [attempt('c'), refused, failed('b'), attempt('a')])
    assert.deepEqual(await list({ limit: 2 }), [attempt('c'), refused])
    assert.deepEqual(await list({ batch: 'b' }), [refused, failed('b')])
    assert.deepEqual(await list({ failed: true, limit: 1 }), [refused])
    assert.deepEqual(await store.attempts({ endpoint: 'cmdb', limit: 5 }), [attempt('d')])
  })

  test('attempts go when they are too old or too many, and what was answered before the newest thousand', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const now = Date.now()
    const many = Array.from({ length: attemptsKept + 5_000 }, (_, i) => failed(`${i}`, { at: now }))
    await record(store, many)
    await record(store, [attempt('old', { at: now - 60_000 }), attempt('young', { at: now - 1_000 })], 'cmdb')
    while (await link.call('prune', { retentionMs: 1_000, attemptRetentionMs: 30_000 }));
    const left = await store.attempts({ endpoint: 'dns', limit: many.length })
    assert.deepEqual([left.length, left[0]?.batch, left.at(-1)?.batch], [attemptsKept, `${many.length - 1}`, '5000'])
    assert.equal(left.filter(({ answer }) => answer !== undefined).length, answersKept)
    assert.deepEqual(
      (await store.attempts({ endpoint: 'cmdb', limit: 5 })).map(({ batch }) => batch),
      ['young'],
    )
    while (await link.call('prune', { retentionMs: 1_000, attemptRetentionMs: -1_000 }));
    assert.deepEqual(await store.attempts({ endpoint: 'dns', limit: 5 }), [])
  })

  test('of what attempts told the oldest goes when it is too much, and its attempts with it; events of scans take the room of their distances', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const events = 10_000
    const scattered = Array.from({ length: events }, (_, i) => 1_795_450_401_978_123 + ((i * 7_919) % events) * 100_000)
    const many = Array.from({ length: 500 }, (_, i) =>
      attempt(`${i}`, { at: Date.now(), told: { sequences: scattered, scan: 's' } }),
    )
    for (let i = 0; i < many.length; i += 50) await record(store, many.slice(i, i + 50))
    while (await link.call('prune', { retentionMs: 1_000, attemptRetentionMs: 30_000 }));
    const left = await store.attempts({ endpoint: 'dns', limit: many.length })
    assert.equal(left.length, Math.floor(toldBytesKept / (events * 7 + 12)), 'six digits and a comma for each event')
    const story = await store.story(scattered[0] ?? 0)
    const [dns] = story?.endpoints ?? []
    assert.deepEqual([dns?.told.length, dns?.toldBefore], [20, left.length - 20])
  })

  test('a hold is kept with all that is said of it', async () => {
    await using world = await lab()
    const crashed = await world.open()
    const gone: Pause = { since: 2, by: 'hub', cause: 'gone', reason: 'it said 410 Gone', url: 'https://dns.example.com' }
    const asked: Pause = { since: 3, by: 'ops', cause: 'operator', reason: 'maintenance', until: 9_000 }
    await crashed.store.setPaused('dns', { since: 1, by: 'ops' })
    await crashed.store.setPaused('dns', gone)
    await crashed.store.setPaused('cmdb', asked)
    await crashed.kill()
    const { store } = await world.open()
    assert.deepEqual(
      await store.paused(),
      new Map([
        ['cmdb', asked],
        ['dns', gone],
      ]),
    )
  })
}
