import assert from 'node:assert/strict'
import test from 'node:test'
import { createProxy } from './proxy.ts'

const serves = (noProxy: readonly string[], receiver: string): boolean =>
  createProxy({ url: 'http://proxy.example:3128', noProxy }).serves(new URL(receiver))

test('without exceptions every receiver is reached through the proxy', () => {
  for (const receiver of ['https://a.example/', 'http://10.0.0.1/', 'http://localhost:8080/']) assert.ok(serves([], receiver))
})

test('an exception holds for a name and all below it, one that begins with a dot only for what is below', () => {
  const reached = (entry: string) =>
    ['https://example.com/', 'https://a.b.EXAMPLE.com./', 'https://notexample.com/', 'https://example.com:8443/'].map(
      (receiver) => !serves([entry], receiver),
    )
  assert.deepEqual(reached('example.com'), [true, true, false, true])
  assert.deepEqual(reached(' Example.COM '), [true, true, false, true])
  assert.deepEqual(reached('.example.com'), [false, true, false, false])
  assert.deepEqual(reached('*.example.com'), [false, true, false, false])
  assert.deepEqual(reached('example.com:8443'), [false, false, false, true])
  assert.deepEqual(reached('example.com:443'), [true, true, false, false])
  assert.deepEqual(reached('*'), [true, true, true, true])
  assert.deepEqual(reached(''), [false, false, false, false])
})

test('addresses and ranges are compared with addresses in whatever spelling, never with names', () => {
  assert.ok(!serves(['10.0.0.0/8'], 'http://10.1.2.3:80/'))
  assert.ok(!serves(['10.0.0.0/8'], 'http://167837955/'))
  assert.ok(serves(['10.0.0.0/8'], 'http://11.1.2.3/'))
  assert.ok(serves(['10.0.0.0/8'], 'http://10.example/'))
  assert.ok(!serves(['fd00::/8'], 'http://[fd00::1]/'))
  assert.ok(!serves(['::1'], 'http://[0::1]:9/'))
  assert.ok(!serves(['[::1]:9'], 'http://[::1]:9/'))
  assert.ok(serves(['[::1]:9'], 'http://[::1]:8/'))
  assert.ok(serves(['0.0.0.1'], 'http://10.0.0.1/'))
})

test('credentials go into their header and nowhere else', () => {
  const proxy = createProxy({ url: 'https://us%40er:p%3Ass@proxy.example', noProxy: [] })
  assert.equal(proxy.authorization, `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`)
  assert.equal(proxy.url.href, 'https://proxy.example/')
  assert.equal(createProxy({ url: 'http://proxy.example:3128', noProxy: [] }).authorization, undefined)
})

test('what cannot be followed is refused without telling credentials', () => {
  for (const url of ['proxy.example:3128', 'socks5://u:s3cret@p', 'http://u:s3cret@p/path', 'http://u:s3cret@p/?a', ''])
    assert.throws(
      () => createProxy({ url, noProxy: [] }),
      (error: Error) => /^expected the egress proxy as an http or https url/.test(error.message) && !error.message.includes('s3'),
    )
  for (const entry of ['10.0.0.0/33', 'fd00::/129', 'a b', 'http://a', 'a/b', '1.2.3/8'])
    assert.throws(() => createProxy({ url: 'http://p', noProxy: [entry] }), /expected a (host|range)/, entry)
})
