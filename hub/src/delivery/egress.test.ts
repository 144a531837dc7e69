import assert from 'node:assert/strict'
import test from 'node:test'
import { createEgress, EgressError, type Resolve } from './egress.ts'

const closed = [
  '127.0.0.1',
  '127.255.0.1',
  '0.0.0.0',
  '0.1.2.3',
  '169.254.1.1',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'ff02::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::169.254.169.254',
  '2002:7f00:1::',
  '::ffff:0:127.0.0.1',
  'fe80::1%eth0',
]
const open = [
  '93.184.216.34',
  '10.0.0.5',
  '192.168.1.10',
  '172.16.0.1',
  '2606:4700::1111',
  'fd12:3456::1',
  '::ffff:93.184.216.34',
  '2002:5db8:d822::1',
  '64:ff9b::5db8:d822',
]

test('egress refuses loopback, link-local, metadata, unspecified and reserved addresses in every form', () => {
  const { refusal } = createEgress([])
  for (const address of closed) assert.notEqual(refusal(address), undefined, address)
})

test('egress lets public and private addresses pass', () => {
  const { refusal } = createEgress([])
  for (const address of open) assert.equal(refusal(address), undefined, address)
})

test('egress opens the ranges that the operator names and no others', () => {
  const { refusal } = createEgress(['127.0.0.0/8', '::1/128'])
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.equal(refusal(address), undefined, address)
  assert.match(refusal('169.254.169.254') ?? '', /169\.254\.169\.254 is a cloud metadata address; .*--allow-egress/)
})

test('egress says which range it cannot read', () => {
  for (const range of ['localhost', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', '::1/129', '/8'])
    assert.throws(() => createEgress([range]), { message: `expected a range like 10.0.0.0/8, got "${range}"` })
})

const resolves =
  (...addresses: readonly string[]): Resolve =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )

const lookup = (resolve: Resolve, all: boolean) =>
  new Promise<unknown>((done) => {
    createEgress([], resolve).lookup('receiver.example', { all }, (error, address) => done(error ?? address))
  })

test('a lookup keeps only the addresses that may be reached', async () => {
  const mixed = resolves('127.0.0.1', '93.184.216.34')
  assert.deepEqual(await lookup(mixed, true), [{ address: '93.184.216.34', family: 4 }])
  assert.equal(await lookup(mixed, false), '93.184.216.34')
})

test('a lookup fails when no address may be reached, and says why', async () => {
  const error = await lookup(resolves('127.0.0.1', '::1'), true)
  assert.ok(error instanceof EgressError)
  assert.match(error.message, /^receiver\.example may not be reached: 127\.0\.0\.1 is a loopback address/)
})
