/** Index = inventory = cluster, whoever is wrong: a server that hides a change, a hub whose rows or sums are damaged (laws 2 and 3). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventText } from '@watch-hub/hub/cli/events'
import { correctionLines } from '@watch-hub/hub/cli/status-text'
import { decodeEvent, encodeEvent } from '@watch-hub/hub/http/event-line'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import type { ComparisonFigures } from '@watch-hub/hub/store/store'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'
import { configMap, service } from '../support/objects.ts'

const manifests = (url: (receiver: string) => string) => [
  manifest('Cluster', 'a', {}),
  manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' } }),
  manifest('Watch', 'services', { resources: ['services'], endpoints: ['crm'] }),
  manifest('Watch', 'configs', { resources: ['configmaps'], endpoints: ['crm'] }),
]

/** Three services and a config map are told; audits come every `auditMs`. */
async function start(auditMs: number): Promise<Lab> {
  await using scope = new AsyncDisposableStack()
  const lab = scope.use(
    await startLab({ clusters: ['a'], receivers: ['crm'], manifests, reconcile: { auditMs, auditQuietMs: 5, stallMs: 60_000 } }),
  )
  for (const name of ['blog', 'shop', 'web']) lab.cluster('a').create('services', service(name))
  lab.cluster('a').create('configmaps', configMap('one', { a: '1' }))
  await lab.quiet()
  lab.receiver('crm').clear()
  scope.move()
  return lab
}

const told = (lab: Lab) => lab.receiver('crm').items.map(({ type, reason, name }) => `${type} ${name} ${reason ?? 'live'}`)
const comparisons = async (lab: Lab) => (await lab.hub.running?.store.stats())?.comparisons ?? []
const of = (figures: readonly ComparisonFigures[], resource: string) => figures.find((each) => each.resource === resource)
const clusters = async (lab: Lab) => {
  const hub = lab.hub.running
  return hub === undefined ? [] : hub.fleet.clusters(await hub.store.stats())
}

/** Looks until it holds. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 15_000; !(await holds()); await sleep(10))
    if (performance.now() > end) throw new Error(`${what}: not within 15 s`)
}

/** While the hub is away, somebody writes into its database. The agent lives on and goes on where it was. */
async function damage(lab: Lab, sql: string): Promise<void> {
  await lab.hub.kill()
  const copy = await lab.hub.copyDatabase()
  {
    using db = openDatabase(copy)
    db.exec(sql)
  }
  await lab.hub.replaceDatabase(copy)
  await lab.hub.start()
}

/** The stream is in step again, and was compared since. */
const healed = (lab: Lab, mismatches: number) =>
  until('a comparison that agrees', async () => {
    const before = of(await comparisons(lab), 'services')
    return before?.mismatches === mismatches && (before.comparedAt ?? 0) > healedAfter
  })
let healedAfter = 0

describe('an audit', () => {
  test('finds a deletion that the server hides: it is told as recovered, marked, counted and shown', async () => {
    await using lab = await start(150)
    lab.cluster('a').silently(() => lab.cluster('a').delete('services', 'shop'))
    await lab.receiver('crm').waitFor(({ items }) => items.length > 0, 'the deletion')
    assert.deepEqual(told(lab), ['deleted shop recovered'])
    const row = (await lab.hub.running?.store.tail(0, 100))?.findLast(({ change }) => change === 'gone')
    assert.equal(row?.cause, 'audit')
    assert.match(
      row ? eventText(decodeEvent(encodeEvent(row))) : '',
      /a {2}gone \(found by audit\) {2}services default\/shop {2}crm:deleted\(recovered\)/,
    )
    const [cluster] = await clusters(lab)
    assert.partialDeepStrictEqual(cluster?.corrections, [{ resource: 'services', count: 1, byAudit: 1 }])
    assert.match(
      correctionLines(cluster === undefined ? [] : [cluster], Date.now()).join(),
      /^a: 1 change of services found by comparing, all by audits, the last .*s ago$/,
    )
  })

  test('that finds nothing tells nothing, and is shown', async () => {
    await using lab = await start(250)
    const streams = async () => (await clusters(lab)).flatMap(({ streams }) => streams.map(({ comparedAt = 0 }) => comparedAt))
    const before = await streams()
    assert.equal(before.length, 2)
    await until('two more audits of both kinds', async () => (await streams()).every((at, i) => at > (before[i] ?? 0) + 400))
    assert.deepEqual(told(lab), [])
    assert.deepEqual(
      (await comparisons(lab)).map(({ corrections, mismatches }) => [corrections, mismatches]),
      [
        [0, 0],
        [0, 0],
      ],
    )
  })

  test('heals a checksum of the hub that is wrong, without telling anybody anything', async () => {
    await using lab = await start(300)
    await damage(lab, "UPDATE streams SET checksum = checksum + 1 WHERE resource = 'services'")
    healedAfter = Date.now()
    await healed(lab, 1)
    await lab.quiet()
    assert.deepEqual(told(lab), [])
  })

  test('finds a row that the hub lost: its stream alone is loaded and compared anew', async () => {
    await using lab = await start(300)
    const reloads = () => lab.agent('a').running?.status().figures.reloads
    await damage(lab, "DELETE FROM inventory WHERE name = 'shop'")
    healedAfter = Date.now()
    await until('the reload', async () => reloads() === 1)
    await healed(lab, 1)
    await lab.quiet()
    assert.deepEqual(told(lab), ['created shop recovered'])
    assert.equal(of(await comparisons(lab), 'configmaps')?.mismatches, 0)
    lab.receiver('crm').clear()
    lab.cluster('a').delete('services', 'shop')
    await lab.quiet()
    assert.deepEqual(told(lab), ['deleted shop live'])
  })

  test('finds a row of the hub that is another one than it was', async () => {
    await using lab = await start(300)
    await damage(lab, `UPDATE inventory SET hash = 'other', matches = '["gone"]' WHERE name = 'shop'`)
    healedAfter = Date.now()
    await healed(lab, 1)
    await lab.quiet()
    const shop = (await indexOf(lab, 'services')).find(({ name }) => name === 'shop')
    assert.deepEqual(shop?.matches, ['services'])
    assert.notEqual(shop?.hash, 'other')
  })
})

async function indexOf(lab: Lab, resource: string): Promise<readonly IndexEntry[]> {
  const [cluster] = await clusters(lab)
  const stream = cluster?.streams.find((each) => each.resource === resource)?.id ?? ''
  const of = { cluster: 'a', plan: cluster?.desiredHash ?? '', stream }
  const entries: IndexEntry[] = []
  const chunks = lab.hub.running?.store.readIndex(of, new AbortController().signal) ?? []
  for await (const chunk of chunks) entries.push(...chunk)
  return entries
}
