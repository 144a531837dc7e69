/** Endpoints that point where they should not: nothing is ever connected there, however the address is written and whoever leads to it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { createEgress, type Resolve } from '@watch-hub/hub/delivery/egress'
import { openPost } from '@watch-hub/hub/delivery/post'
import type { Outcome, Outgoing } from '@watch-hub/hub/delivery/send'
import { redirect } from '../support/hostile-receiver/hostilities.ts'
import { startHostileReceiver } from '../support/hostile-receiver/receiver.ts'

const batch: Outgoing = { id: 'b-1', endpoint: 'dns', events: 1, body: Buffer.from('{"items":[]}'), headers: {} }
const live = new AbortController().signal

/** Something inside that nobody may reach; it counts who does. */
async function startInner(host: string, port = 0) {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  }).listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    port: address.port,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

async function post(url: string, egress = createEgress([])): Promise<Outcome> {
  const target = { url: new URL(url), headers: {}, mask: (text: string) => text }
  await using opened = openPost(target, { timeoutMs: 2_000, egress, now: Date.now })
  return await opened.send(batch, live)
}

const leadingTo =
  (...addresses: readonly string[]): Resolve =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )

test('no spelling of an inner address is connected to', async () => {
  await using inner = await startInner('127.0.0.1')
  const spellings = [
    ...['127.0.0.1', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '017700000001', '0177.0.0.1', '127.0.0.1.'],
    ...['%31%32%37.0.0.1', '①②⑦.⓪.⓪.①', '127。0。0。1', '0', '0.0.0.0', '127.255.255.254'],
    ...['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[::ffff:0:127.0.0.1]'],
    ...['[64:ff9b::127.0.0.1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2001:0:7f00:1::]', '[2001::80ff:fffe]', '[fe80::1]'],
    ...[
      '169.254.169.254',
      '2852039166',
      '0xa9fea9fe',
      '[::ffff:a9fe:a9fe]',
      '[fd00:ec2::254]',
      '100.100.100.200',
      '168.63.129.16',
    ],
    ...['localhost', 'LOCALHOST', '224.0.0.1', '255.255.255.255', '[ff02::1]'],
  ]
  for (const host of spellings) {
    const outcome = await post(`http://${host}:${inner.port}/`)
    assert.equal(outcome.kind, 'blocked', `${host}: ${JSON.stringify(outcome)}`)
  }
  assert.equal(inner.connections, 0)
})

test('no name that leads to an inner address is connected to, whatever form the resolver gives it', async () => {
  await using inner = await startInner('127.0.0.1')
  const forms = ['127.0.0.1', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::1', 'fe80::1%lo', '169.254.169.254']
  for (const form of forms) {
    const outcome = await post(`http://receiver.example:${inner.port}/`, createEgress([], { resolve: leadingTo(form) }))
    assert.equal(outcome.kind, 'blocked', form)
  }
  assert.equal(inner.connections, 0)
})

test('of the addresses of a name only those that are open are connected to', async () => {
  await using receiver = await startHostileReceiver()
  await using inner = await startInner('127.0.0.9', receiver.port)
  const egress = createEgress(['127.0.0.1/32'], { resolve: leadingTo('127.0.0.9', '127.0.0.1') })
  assert.equal((await post(`http://receiver.example:${receiver.port}/`, egress)).kind, 'accepted')
  assert.equal(inner.connections, 0)
})

test('a name that leads inside only later is refused then', async () => {
  await using receiver = await startHostileReceiver()
  await using inner = await startInner('127.0.0.9', receiver.port)
  let address = '127.0.0.1'
  const resolve: Resolve = (name, options, callback) => leadingTo(address)(name, options, callback)
  const target = { url: new URL(`http://rebound.example:${receiver.port}/`), headers: {}, mask: (text: string) => text }
  await using opened = openPost(target, { timeoutMs: 2_000, egress: createEgress(['127.0.0.1/32'], { resolve }), now: Date.now })
  assert.equal((await opened.send(batch, live)).kind, 'accepted')
  address = '127.0.0.9'
  receiver.hangUp()
  assert.equal((await opened.send(batch, live)).kind, 'blocked')
  assert.equal(inner.connections, 0)
})

test('a redirect to an inner address is not followed', async () => {
  await using receiver = await startHostileReceiver()
  await using inner = await startInner('127.0.0.9')
  for (const status of [301, 302, 303, 307, 308]) {
    receiver.meet(redirect(status, `http://127.0.0.9:${inner.port}/latest/meta-data/`))
    const outcome = await post(receiver.url, createEgress(['127.0.0.1/32']))
    assert.ok(outcome.kind === 'try-later' && outcome.why.kind === 'redirect', outcome.kind)
  }
  assert.equal(inner.connections, 0)
})
