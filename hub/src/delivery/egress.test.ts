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
  '64:ff9b:1:7f00:0:100::',
  '64:ff9b:1:7f:0:1::',
  '64:ff9b:1:0:7f:0:100:0',
  '2001:0:5db8:d822:0:0:5601:5601',
  '2001:0:7f00:1::a247:27dd',
  '2606:4700::5efe:7f00:1',
  '2606:4700::200:5efe:a9fe:a9fe',
  '::ffff:0:127.0.0.1',
  'fe80::1%eth0',
  'fd00:ec2::23',
  '169.254.170.23',
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
  '64:ff9b:1::5db8:d822',
  '2001:0:5db8:d822:0:0:a247:27dd',
  '2606:4700::5efe:5db8:d822',
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

test('egress closes the ranges that the operator names, in every form', () => {
  const { refusal } = createEgress([], { deny: ['10.0.0.0/8', 'fd00::/8'] })
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::a01:203', '2002:a01:203::', 'fd12:3456::1'])
    assert.match(refusal(address) ?? '', /closed with --deny-egress/, address)
  for (const address of ['192.168.1.10', '2606:4700::1111']) assert.equal(refusal(address), undefined, address)
  assert.equal(
    refusal('::ffff:10.1.2.3'),
    '::ffff:10.1.2.3 carries 10.1.2.3, which is in 10.0.0.0/8, which the operator closed with --deny-egress',
  )
})

test('egress lets the narrowest range decide: nothing but one network, and not a host in it', () => {
  const { refusal } = createEgress(['10.1.0.0/16', '10.3.0.0/16'], { deny: ['0.0.0.0/0', '::/0', '10.1.9.9/32', '10.3.0.0/16'] })
  assert.equal(refusal('10.1.0.5'), undefined)
  for (const address of ['10.1.9.9', '10.2.0.5', '93.184.216.34', '2606:4700::1111', '10.3.0.1', '::ffff:10.1.9.9'])
    assert.notEqual(refusal(address), undefined, address)
})

test('egress opens no metadata address with the range around it', () => {
  const wide = createEgress(['0.0.0.0/0', '::/0', '169.254.0.0/16'])
  for (const address of ['169.254.1.1', '127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.equal(wide.refusal(address), undefined)
  for (const address of ['169.254.169.254', '::ffff:169.254.169.254', 'fd00:ec2::254'])
    assert.notEqual(wide.refusal(address), undefined, address)
  assert.equal(createEgress(['169.254.169.254/32']).refusal('169.254.169.254'), undefined)
})

test('every spelling of an address in a url comes to the address that is judged', () => {
  const { refusal } = createEgress([])
  const spellings = [
    ...['2130706433', '0x7f.1', '017700000001', '127.1', '127.0.1', '127.0.0.1.', '0x7f000001', '0177.0.0.1'],
    ...['%31%32%37.0.0.1', '①②⑦.⓪.⓪.①', '127。0。0。1', '0', '[::ffff:127.0.0.1]', '[0:0:0:0:0:ffff:7f00:1]', '[::]'],
    ...['2852039166', '0xa9fea9fe', '0xa9.0xfe.0xa9.0xfe', '0251.0376.0251.0376', '169.254.43518', '4294967295'],
  ]
  for (const spelling of spellings) {
    const host = new URL(`http://${spelling}/`).hostname.replace(/^\[|\]$/g, '')
    assert.notEqual(refusal(host), undefined, `${spelling} is ${host}`)
  }
})

test('an address alone is a range of one', () => {
  const { refusal } = createEgress(['169.254.169.254', '::1'], { deny: ['10.0.0.5'] })
  for (const address of ['169.254.169.254', '::1', '10.0.0.4']) assert.equal(refusal(address), undefined, address)
  for (const address of ['10.0.0.5', '169.254.169.253']) assert.notEqual(refusal(address), undefined, address)
})

test('egress says which range it cannot read', () => {
  for (const range of ['localhost', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', '/8'])
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
    createEgress([], { resolve }).lookup('receiver.example', { all }, (error, address) => done(error ?? address))
  })

test('a lookup keeps only the addresses that may be reached', async () => {
  const mixed = resolves('127.0.0.1', '93.184.216.34')
  assert.deepEqual(await lookup(mixed, true), [{ address: '93.184.216.34', family: 4 }])
  assert.equal(await lookup(mixed, false), '93.184.216.34')
})

test('a name that changes its address between two looks is judged at each', async () => {
  const answers = ['93.184.216.34', '169.254.169.254']
  const rebinding: Resolve = (name, options, callback) => resolves(answers.shift() ?? '')(name, options, callback)
  const { lookup } = createEgress([], { resolve: rebinding })
  const look = () =>
    new Promise<unknown>((done) => lookup('rebound.example', { all: true }, (error, address) => done(error ?? address)))
  assert.deepEqual(await look(), [{ address: '93.184.216.34', family: 4 }])
  assert.ok((await look()) instanceof EgressError)
})

test('a lookup fails when no address may be reached, and says why', async () => {
  const error = await lookup(resolves('127.0.0.1', '::1'), true)
  assert.ok(error instanceof EgressError)
  assert.match(error.message, /^receiver\.example may not be reached: 127\.0\.0\.1 is a loopback address/)
})
