/** Stories of a store that runs short: the log's bound while an endpoint is away, and a disk that fills up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskSpace } from '@watch-hub/hub/store/disk'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import type { Receiver } from '../support/receiver.ts'

const manifests = (url: (receiver: string) => string) => [
  manifest('Cluster', 'a', {}),
  manifest('Endpoint', 'well', { url: url('well'), batch: { maxWait: '0s' } }),
  manifest('Endpoint', 'away', { url: url('away'), batch: { maxWait: '0s' }, history: 'every' }),
  manifest('Watch', 'maps', { resources: ['configmaps'], endpoints: ['away', 'well'] }),
]

const names = (lab: Lab, receiver: string) => lab.receiver(receiver).names

const storeOf = (lab: Lab) => {
  const store = lab.hub.running?.store
  assert.ok(store)
  return store
}

const isTold =
  (version: number) =>
  ({ items }: Receiver): boolean =>
    items.some(({ name, object }) => name === 'changing' && JSON.stringify(object).includes(`"version":"${version}"`))

/** Looks again until it is so. */
async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise(setImmediate)
}

test('an endpoint that is away for long does not fill the log: it is told the newest state of each object, and every deletion', async () => {
  const logLimit = 400_000
  await using lab = await startLab({
    clusters: ['a'],
    receivers: ['well', 'away'],
    manifests,
    store: { logLimit, retentionMs: 0, tail: { rows: 20, bytes: 1e6 } },
  })
  const text = 'x'.repeat(5_000)
  for (const name of ['kept', 'changing', 'going']) lab.cluster('a').create('configmaps', configMap(name, { text }))
  await lab.quiet()
  lab.receiver('away').answerWith(() => ({ status: 503 }))
  lab.cluster('a').delete('configmaps', 'going')
  let most = 0
  for (let version = 1; version <= 400; version++) {
    lab.cluster('a').patch('configmaps', 'changing', { data: { version: String(version) } })
    lab.cluster('a').create('configmaps', configMap(`short-lived-${version}`, { text }))
    lab.cluster('a').delete('configmaps', `short-lived-${version}`)
    if (version % 10 === 0) await lab.receiver('well').waitFor(isTold(version), `version ${version}`)
    most = Math.max(most, (await storeOf(lab).stats()).logBytes)
  }
  const { logBytes, logLimit: limit, endpoints } = await storeOf(lab).stats()
  assert.ok((endpoints.find(({ endpoint }) => endpoint === 'away')?.skipped ?? 0) > 300)
  assert.equal(limit, logLimit)
  assert.ok(most < 2 * logLimit && logBytes < 2 * logLimit, `expected a bounded log, got ${most} bytes`)
  lab.receiver('away').clear()
  lab.receiver('away').answerWith(() => ({}))
  await lab.quiet()
  assert.deepEqual(names(lab, 'away'), names(lab, 'well'))
  const told = lab.receiver('away').items.filter(({ name }) => name === 'changing' || name === 'going')
  assert.equal(told.filter(({ type }) => type === 'deleted').length, 1)
  assert.ok(told.length < 200, `expected far fewer than 400 versions to be told, got ${told.length}`)
})

test('on a full disk agents wait, whatever ends meanwhile; when there is room, nothing is missing', async () => {
  const space: { total: number; available: number } & DiskSpace = { total: 1e9, available: 5e8 }
  const store = { diskSpace: async () => space, minFreeDisk: { share: 0.1 } }
  await using lab = await startLab({ clusters: ['a'], receivers: ['well', 'away'], manifests, store })
  lab.cluster('a').create('configmaps', configMap('before', {}))
  await lab.quiet()
  space.available = 1e7
  await until(() => storeOf(lab).state.kind === 'stopped')
  for (let i = 0; i < 20; i++) lab.cluster('a').create('configmaps', configMap(`during-${i}`, {}))
  lab.cluster('a').delete('configmaps', 'before')
  await lab.agent('a').kill()
  await lab.agent('a').start()
  assert.deepEqual(names(lab, 'well'), ['default/before'])
  await lab.hub.stop()
  await lab.hub.start()
  await until(() => storeOf(lab).state.kind === 'stopped')
  lab.cluster('a').create('configmaps', configMap('late', {}))
  space.available = 5e8
  await lab.quiet()
  assert.equal(names(lab, 'well').length, 21)
  assert.deepEqual(names(lab, 'away'), names(lab, 'well'))
})
