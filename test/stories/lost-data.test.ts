/** Agents and a hub whose database is another one than they knew; processes that were replaced and still talk (law 2). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'

const manifests = (url: (receiver: string) => string) => [
  manifest('Cluster', 'a', {}),
  manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' } }),
  manifest('Watch', 'services', { resources: ['services'], endpoints: ['crm'] }),
]

async function start(): Promise<Lab> {
  await using scope = new AsyncDisposableStack()
  const lab = scope.use(await startLab({ clusters: ['a'], receivers: ['crm'], manifests }))
  for (const name of ['shop', 'web']) lab.cluster('a').create('services', service(name))
  await lab.quiet()
  lab.receiver('crm').clear()
  scope.move()
  return lab
}

const told = (lab: Lab) => lab.receiver('crm').items.map(({ type, reason, name }) => `${type} ${name} ${reason ?? 'live'}`)
const processNumber = async (lab: Lab) => (await lab.hub.running?.store.agents())?.[0]?.process

/** The hub dies, and comes back with a copy of its database in which `sql` was done. */
async function comeBackWith(lab: Lab, copy: string, sql: string): Promise<void> {
  await lab.hub.kill()
  {
    using db = openDatabase(copy)
    db.exec(sql)
  }
  await lab.hub.replaceDatabase(copy)
  await lab.hub.start()
}

/** As `restore` does. */
const anotherHistory = "DELETE FROM meta WHERE key = 'generation';"

test('an agent does not go on with a database of another history, though number and frames are the same', async () => {
  await using lab = await start()
  const process = (await processNumber(lab)) ?? 0
  await comeBackWith(lab, await lab.hub.copyDatabase(), `DELETE FROM inventory WHERE name = 'shop'; ${anotherHistory}`)
  await lab.quiet()
  assert.equal(await processNumber(lab), process + 1)
  assert.deepEqual(told(lab), ['created shop recovered'])
})

test('with the same history, it goes on without a list', async () => {
  await using lab = await start()
  const lists = () => lab.agent('a').running?.status().figures.lists
  const before = [await processNumber(lab), lists()]
  await comeBackWith(lab, await lab.hub.copyDatabase(), '')
  lab.cluster('a').create('services', service('new'))
  await lab.quiet()
  assert.deepEqual([await processNumber(lab), lists()], before)
  assert.deepEqual(told(lab), ['created new live'])
})

test('a process that the restored database never numbered starts over; what was deleted since is told', async () => {
  await using lab = await start()
  const copy = await lab.hub.copyDatabase()
  await lab.agent('a').kill()
  await lab.agent('a').start()
  lab.cluster('a').delete('services', 'shop')
  lab.cluster('a').create('services', service('new'))
  await lab.quiet()
  const process = (await processNumber(lab)) ?? 0
  lab.receiver('crm').clear()
  await comeBackWith(lab, copy, anotherHistory)
  await lab.quiet()
  assert.equal(await processNumber(lab), process + 1)
  assert.deepEqual(told(lab), ['created new recovered', 'deleted shop recovered'])
})

test('a replaced process that still talks is refused for good, also after a restart of the hub', async () => {
  await using lab = await start()
  const old = lab.agent('a').running
  old?.relay.hold()
  await lab.agent('a').startAnother()
  await lab.quiet(300).catch(() => {}) // the old one is never quiet
  await lab.hub.kill()
  await lab.hub.start()
  old?.relay.resume()
  await assert.rejects(old?.done ?? Promise.resolve(), /process 1 of cluster "a" was replaced by process 2/)
  lab.cluster('a').create('services', service('new'))
  await lab.quiet()
  assert.equal(await processNumber(lab), 2)
  assert.deepEqual(told(lab), ['created new live'])
})

test('an agent that is stopped has left; one that is killed is lost', async () => {
  await using lab = await start()
  const shown = async () => {
    const hub = lab.hub.running
    const [cluster] = hub === undefined ? [] : await hub.fleet.clusters(await hub.store.stats())
    return cluster && (cluster.connected ? 'connected' : cluster.left ? 'left' : 'lost')
  }
  const gone = async () => {
    while ((await shown()) === 'connected') await sleep(5)
    return shown()
  }
  await lab.agent('a').running?.[Symbol.asyncDispose]()
  assert.equal(await gone(), 'left')
  await lab.agent('a').startAnother()
  await lab.quiet(300).catch(() => {}) // the lab does not know that the first one was stopped
  assert.equal(await shown(), 'connected')
  const second = lab.agent('a').running
  second?.relay.cut()
  second?.relay.hold()
  assert.equal(await gone(), 'lost')
  second?.relay.resume()
})
