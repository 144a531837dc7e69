import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planFor } from './plan.ts'
import { cluster, endpoint, settings, snapshotOf, watch } from './testing/manifests.ts'

const texts = [
  cluster('c', 'env: prod', 'paused: false'),
  endpoint('dns', 'allow:\n  namespaces: [a]'),
  watch('w', 'namespaces:\n  include: [a]\nwhen: "true"'),
  settings(
    'ignoreNamespaces: [x]\ndefaults:\n  watch:\n    labelSelector: app\n    when: "false"\n    namespaces: {exclude: [b]}',
  ),
]
const at = (place: { readonly file: string; readonly line: number } | undefined) => `${place?.file}:${place?.line}`

test('a field stands where its manifest has it, else where the defaults have it, else at the manifest', async () => {
  const { places } = await snapshotOf(...texts)
  const w = places.watches.get('w') ?? {}
  assert.deepEqual(
    ['resources', 'when', 'namespaces.include', 'labelSelector', 'namespaces.exclude', 'events'].map((field) => at(w[field])),
    ['2.yaml:5', '2.yaml:9', '2.yaml:8', '3.yaml:7', '3.yaml:9', '2.yaml:1'],
  )
  const dns = places.endpoints.get('dns') ?? {}
  assert.deepEqual([at(dns['allow.namespaces']), at(dns['allow.clusters'])], ['1.yaml:7', '1.yaml:1'])
  assert.deepEqual([at(places.settings.ignoreNamespaces), at(places.clusters.get('c')?.paused)], ['3.yaml:4', '0.yaml:5'])
})

test('moving fields changes where they stand, and no hash, config or plan', async () => {
  const before = await snapshotOf(...texts)
  const after = await snapshotOf(...texts.map((text) => text.replace('spec:', 'spec:\n  # a comment')))
  assert.notDeepEqual(after.places, before.places)
  assert.equal(after.hash, before.hash)
  assert.deepEqual([after.endpoints, after.watches, after.settings], [before.endpoints, before.watches, before.settings])
  assert.deepEqual(planFor(after, 'c'), planFor(before, 'c'))
})
