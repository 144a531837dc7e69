import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkBody, compileBody } from './cel-body.ts'
import { CelError } from './cel-language.ts'

const payload = JSON.stringify({
  id: 'b-1',
  endpoint: 'chat',
  metadata: { owner: 'netops' },
  items: [
    {
      id: '001',
      type: 'created',
      reason: 'initial',
      cluster: { name: 'prod-eu-1', labels: { env: 'prod' } },
      resource: { namespace: 'web', name: 'shop' },
      object: { spec: { replicas: 3, ratio: 0.25, containers: [{ ports: [{ port: 80 }, { port: 443 }] }] } },
    },
    {
      id: '002',
      type: 'deleted',
      cluster: { name: 'prod-eu-1', labels: {} },
      resource: { namespace: 'web', name: 'cart' },
      object: { metadata: { labels: { constructor: 'x' } } },
    },
  ],
})

const bodies: readonly (readonly [body: string, sent: string])[] = [
  ['payload.items.map(i, i.resource.name)', '["shop","cart"]'],
  ['{"text": payload.items.map(i, i.type + " " + i.resource.name).join("\\n")}', '{"text":"created shop\\ndeleted cart"}'],
  ['payload.items.map(i, i.?reason.orValue("live"))', '["initial","live"]'],
  ['payload.items.map(i, has(i.reason), i.id)', '["001"]'],
  [
    '{"first": payload.items[0].object.spec.containers[0].ports[0], "n": [1, 2.5, -3, true, null]}',
    '{"first":{"port":80},"n":[1,2.5,-3,true,null]}',
  ],
  ['payload.items[0].object.spec.containers.map(c, c.ports.map(p, p.port))', '[[80,443]]'],
  ['cel.bind(n, payload.items.size(), {"count": n, "more": n > 1})', '{"count":2,"more":true}'],
  ['json(payload.items[0].cluster.labels)', '"{\\"env\\":\\"prod\\"}"'],
  ['payload.items[1].object', '{"metadata":{"labels":{"constructor":"x"}}}'],
  ['{"wrapped": payload.items[1].object.metadata.labels}', '{"wrapped":{"constructor":"x"}}'],
  ['int(payload.items[0].object.spec.replicas) + 1', '4'],
  ['"constant"', '"constant"'],
]

for (const [body, sent] of bodies)
  test(`'${body}' sends what it says`, () => {
    assert.equal(checkBody(body, 'watch-hub'), undefined)
    assert.equal(compileBody(body)(payload), sent)
  })

test('whole numbers leave as they came, however long', () => {
  const long = '{"n":9007199254740993,"m":[-12345678901234567890],"f":0.1,"e":1e+300}'
  assert.equal(compileBody('payload')(long), long)
  assert.equal(
    compileBody('{"a": payload.n, "b": json(payload.m)}')(long),
    '{"a":9007199254740993,"b":"[-12345678901234567890]"}',
  )
})

test("what VMware's Watch-Proxy sent to vRealize Orchestrator, of the payload that it sent to others", () => {
  const body = '{"parameters": [{"value": {"string": {"value": json(payload)}}, "type": "string", "name": "input"}]}'
  const sent =
    '{"data":[{"asset_type_id":"svc","data":{"kind":"Service"},"uniqueId":"c-u1","event":"add"}],"meta":{"cluster":"c"}}'
  assert.equal(checkBody(body, 'watch-proxy'), undefined)
  assert.equal(
    compileBody(body)(sent),
    `{"parameters":[{"value":{"string":{"value":${JSON.stringify(sent)}}},"type":"string","name":"input"}]}`,
  )
})

const refused: readonly (readonly [body: string, problem: RegExp])[] = [
  ['payload.itms', /No such key: itms \(column 9\)/],
  ['payload.items.map(i, i.resource.nme)', /No such key: nme/],
  ['payload.data', /No such key: data/],
  ['object.kind', /Unknown variable: object/],
  ['{"a": }', /Unexpected token/],
  ['1 > "a"', /no such overload/],
  ['b"abc"', /yields a value of type bytes, which JSON does not have/],
  ['[timestamp("2026-01-01T00:00:00Z")]', /yields a value of type list<google\.protobuf\.Timestamp>/],
  ['payload.items[0].?reason', /yields a value of type optional<string>/],
  ['x'.repeat(20_000), /at most 16384 characters/],
  ['payload.items.map(a, [1].map(b, [2].map(c, [3].map(d, d))))', /at most 3 loops/],
  ['payload.items.map(i, i.id.matches("("))', /RE2 syntax/],
]

for (const [body, problem] of refused)
  test(`'${body.slice(0, 60)}' is refused before it runs`, () => {
    assert.match(checkBody(body, 'watch-hub') ?? '', problem)
  })

test('what an expression may read depends on the format', () => {
  assert.equal(checkBody('payload.data.map(d, d.uniqueId)', 'watch-proxy'), undefined)
  assert.match(checkBody('payload.items', 'watch-proxy') ?? '', /No such key: items/)
})

const failing: readonly (readonly [body: string, error: RegExp])[] = [
  ['payload.items.map(i, i.reason)', /No such key: reason \(column 24\)/],
  ['payload.items[7].id', /out of bounds/],
  ['1.0 / 0.0', /a value that JSON has, got Infinity/],
  ['{"at": dyn(timestamp("2026-01-01T00:00:00Z"))}', /a value that JSON has, got a value of type Date/],
  ['json(dyn(b"x"))', /a value that JSON has/],
]

for (const [body, error] of failing)
  test(`'${body}' fails when it runs, and says why`, () => {
    assert.throws(
      () => compileBody(body)(payload),
      (thrown) => thrown instanceof CelError && error.test(thrown.message),
    )
  })
