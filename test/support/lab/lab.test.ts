import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manifest } from '../manifest.ts'
import { service } from '../objects.ts'
import { type Lab, startLab } from './lab.ts'

const manifests = (url: (receiver: string) => string) => [
  manifest('Cluster', 'a', {}),
  manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' } }),
  manifest('Watch', 'services', { resources: ['services'], endpoints: ['crm'] }),
]
const start = () => startLab({ clusters: ['a'], receivers: ['crm'], manifests })
const names = (lab: Lab) => lab.receiver('crm').names

test('what a cluster holds is at the receiver when it is quiet', async () => {
  await using lab = await start()
  lab.cluster('a').create('services', service('web'))
  await lab.quiet()
  assert.deepEqual(names(lab), ['default/web'])
})

test('a killed hub comes back with what it had committed', async () => {
  await using lab = await start()
  await lab.quiet()
  await lab.hub.kill()
  lab.cluster('a').create('services', service('web'))
  await lab.hub.start()
  await lab.quiet()
  assert.deepEqual(names(lab), ['default/web'])
})

test('a killed agent leaves the rest to the next one', async () => {
  await using lab = await start()
  lab.cluster('a').create('services', service('old'))
  await lab.quiet()
  await lab.agent('a').kill()
  lab.cluster('a').delete('services', 'old')
  lab.cluster('a').create('services', service('new'))
  await lab.agent('a').start()
  await lab.quiet()
  assert.deepEqual(names(lab), ['default/new'])
})

test('another process of an agent takes over from the one that runs', async () => {
  await using lab = await start()
  await lab.quiet()
  const first = lab.agent('a').running
  await lab.agent('a').startAnother()
  await assert.rejects(first?.done ?? Promise.resolve(), /dismissed/)
  lab.cluster('a').create('services', service('web'))
  await lab.quiet()
  assert.deepEqual(names(lab), ['default/web'])
})

test('an earlier copy of the database can take the place of the newest', async () => {
  await using lab = await start()
  lab.cluster('a').create('services', service('web'))
  await lab.quiet()
  const copy = await lab.hub.copyDatabase()
  lab.cluster('a').create('services', service('shop'))
  await lab.quiet()
  await lab.hub.kill()
  await lab.hub.replaceDatabase(copy)
  await lab.hub.start()
  await lab.quiet()
  assert.deepEqual(names(lab), ['default/shop', 'default/web'])
})

test('a commit that does not compile is refused and changes nothing', async () => {
  await using lab = await start()
  const { hash } = lab.snapshot
  await assert.rejects(lab.commit([manifest('Watch', 'services', { resources: ['services'], endpoints: ['nobody'] })]), /nobody/)
  assert.equal(lab.snapshot.hash, hash)
})

test('a held link stays silent until it goes on', async () => {
  await using lab = await start()
  await lab.quiet()
  const relay = lab.agent('a').running?.relay
  relay?.hold()
  lab.cluster('a').create('services', service('web'))
  await assert.rejects(lab.quiet(50), /entries wait/)
  assert.deepEqual(names(lab), [])
  relay?.resume()
  await lab.quiet()
  assert.deepEqual(names(lab), ['default/web'])
})
