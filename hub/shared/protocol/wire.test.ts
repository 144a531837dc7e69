import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { DecodeError } from './decode.ts'
import { decodeFrame, encodeFrame, type Frame, frameHeader, objectEntry, syncedEntry } from './frames.ts'
import { joinAnswer, joinRequest } from './join.ts'
import { decodeIndexChunk, downMessage, encodeIndexChunk, upMessage } from './messages.ts'
import { plan } from './plan.ts'
import { agreeOn, oldestProtocol, protocolVersion } from './version.ts'
import { pack, unpack } from './wire.ts'

const frame: Frame = {
  plan: 'p1',
  process: 3,
  number: 7,
  sealedAt: 1_700_000_000_000,
  sentAt: 1_700_000_000_020,
  streams: [{ id: 's1', group: '', resource: 'services', version: 'v1', kind: 'Service', namespaced: true }],
  entries: [
    {
      s: 0,
      uid: 'u1',
      namespace: 'web',
      name: 'shop',
      resourceVersion: '12',
      cause: 'live',
      change: 'added',
      matches: ['lb'],
      hash: 'h',
      observedAt: 1_700_000_000_000,
      changedAt: 1_699_999_999_000,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      linked: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      body: '{"note":"raw \u2028 separator and \\n escaped"}',
    },
    {
      s: 0,
      uid: 'u2',
      namespace: 'web',
      name: 'old',
      resourceVersion: '13',
      cause: 'list',
      change: 'gone',
      matches: [],
      observedAt: 1,
    },
    { s: 0, synced: [{ watch: 'lb', definition: 'd1' }], cause: 'audit', checksum: 2 ** 48 - 1, observedAt: 2 },
  ],
}

test('a frame survives the wire, bodies byte for byte', async () => {
  assert.deepEqual(decodeFrame(await unpack('frame', await pack('frame', encodeFrame(frame)))), frame)
})

test('a frame that ends before an announced body is refused, naming the object', () => {
  const text = encodeFrame(frame).split('\n').slice(0, 2).join('\n')
  assert.throws(() => decodeFrame(text), {
    name: 'DecodeError',
    message: 'frame 7: expected a body line after the entry of shop, got the end',
  })
})

test('an entry of a stream that the header does not list is refused', () => {
  const text = encodeFrame({ ...frame, streams: [] })
  assert.throws(() => decodeFrame(text), { message: 'frame 7: expected a stream position below 0, got 0' })
})

test('an index chunk survives the wire', () => {
  const objects = [{ uid: 'u', namespace: '', name: 'n', resourceVersion: '9', hash: 'h', matches: ['a', 'b'] }]
  assert.deepEqual(decodeIndexChunk(encodeIndexChunk(4, objects)), { request: 4, objects })
})

test('bytes that are not zstd and messages of the other kind are refused', async () => {
  await assert.rejects(unpack('frame', Buffer.from([1, 2, 3, 4])), DecodeError)
  await assert.rejects(unpack('index', await pack('frame', 'x')), { message: 'binary message: expected kind 2 (index), got 1' })
})

test('a decoder says where, what was expected and what came', () => {
  assert.throws(() => upMessage.decode({ type: 'hello', protocol: 'one' }), { message: 'protocol: expected integer, got "one"' })
  assert.throws(() => downMessage.decode({ type: 'party' }), {
    message: /^type: expected challenge \| welcome \| .*, got "party"$/,
  })
})

test('fields that this side does not know are ignored', () => {
  assert.deepEqual(downMessage.decode({ type: 'ack', frame: 4, later: true }), { type: 'ack', frame: 4 })
})

test('two sides agree on the newest version that both speak, and say which one must be upgraded', () => {
  assert.deepEqual(agreeOn({ protocol: protocolVersion + 1, oldest: oldestProtocol }), { version: protocolVersion })
  const problem = agreeOn({ protocol: protocolVersion + 2, oldest: protocolVersion + 1 })
  assert.ok('problem' in problem && problem.problem.includes('upgrade this side'))
})

test('the wire format has not changed without a new protocol version', () => {
  const shapes = [downMessage, upMessage, plan, frameHeader, objectEntry, syncedEntry, joinRequest, joinAnswer].map(
    (d) => d.shape,
  )
  const fingerprint = createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 16)
  // A changed shape needs a line in version.ts: then put the new fingerprint here.
  assert.deepEqual({ version: protocolVersion, fingerprint }, { version: 1, fingerprint: '0c5e8d36fb41dbb8' })
})
