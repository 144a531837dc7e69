import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkWhen, compileWhen, WhenError, type WhenResult } from './cel.ts'
import { kubeObject } from './testing.ts'

const cluster = { name: 'prod-eu-1', labels: { env: 'prod' } }
const shop = kubeObject('shop', {
  metadata: { labels: { app: 'shop' } },
  spec: { type: 'LoadBalancer', replicas: 3, ports: [{ port: 80 }, { port: 443 }], none: null, list: [] },
  status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } },
})

const results: readonly (readonly [when: string, result: 'match' | 'no-match' | 'missing'])[] = [
  ['object.spec.type == "LoadBalancer" && has(object.status.loadBalancer.ingress)', 'match'],
  ['object.spec.type == "ClusterIP"', 'no-match'],
  ['object.spec.replicas > 2 && object.spec.replicas == 3', 'match'],
  ['int(object.spec.replicas) % 2 == 1', 'match'],
  ['object.metadata.labels["app"] in ["shop", "cart"]', 'match'],
  ['"app" in object.metadata.labels', 'match'],
  ['object.spec.ports.exists(p, p.port == 443)', 'match'],
  ['object.spec.ports.exists(p, object.spec.ports.exists(q, p.port < q.port))', 'match'],
  ['object.spec.ports.all(p, p.port > 100)', 'no-match'],
  ['object.metadata.name.matches("^s[a-z]+$")', 'match'],
  ['object.metadata.name.matches("h")', 'match'],
  ['object.spec.ports.exists(p, string(p.port).matches("^4"))', 'match'],
  ['!object.metadata.name.matches("^x")', 'match'],
  ['cluster.labels.env == "prod" && cluster.name.startsWith("prod-")', 'match'],
  ['cluster.labels["region"] == "eu"', 'missing'],
  ['object.spec.missing == 1', 'missing'],
  ['object.spec.none.deeper == 1', 'missing'],
  ['object.spec.list[0] == 1', 'missing'],
  ['object.missing.deep.deeper != 1', 'missing'],
  ['object.spec.?missing.orValue("none") == "none"', 'match'],
  ['object.__proto__ == 1', 'missing'],
  ['object.spec.missing == 1 || true', 'match'],
]

for (const [when, result] of results)
  test(`'${when}' is a ${result} for the shop`, () => {
    assert.equal(checkWhen(when), undefined)
    assert.equal(compileWhen(when)(shop, cluster), result)
  })

const errorOf = (result: WhenResult): string => (typeof result === 'string' ? result : result.error)

const failing: readonly (readonly [when: string, error: RegExp])[] = [
  ['object.spec.replicas', /expected true or false, got a number/],
  ['object.spec.none', /expected true or false, got a null/],
  ['object.spec.type > 1', /no such overload.*column 1/],
  ['object.spec.replicas.matches("a")', /no matching overload for 'double\.matches\(string\)'/],
  ['1 / 0 == 1', /division by zero/],
  ['object.spec.type && true', /bool operands/],
]

for (const [when, error] of failing)
  test(`'${when}' is a run-time error, neither in nor out`, () => {
    assert.equal(checkWhen(when), undefined)
    assert.match(errorOf(compileWhen(when)(shop, cluster)), error)
  })

const refused: readonly (readonly [when: string, problem: RegExp])[] = [
  ['object.a ==', /Unexpected token: EOF \(column 12\)/],
  ['object.a.matches("x"', /Expected RPAREN, got EOF/],
  ['1 > "a"', /no such overload: int > string \(column 1\)/],
  ['\n  1 > "a"', /\(line 2, column 3\)/],
  ['cluster.nme == "x"', /No such key: nme \(column 9\)/],
  ['pod.name == "x"', /Unknown variable: pod/],
  ['now() > 1', /no matching overload for 'now\(\)'/],
  ['"a" + "b"', /true or false, got one of type string/],
  ['', /expected a CEL expression/],
  ['x'.repeat(5000), /at most 4096 characters/],
  [`${'('.repeat(100)}true${')'.repeat(100)}`, /maxDepth/],
  [Array.from({ length: 900 }, () => '1').join('+'), /maxAstNodes|maxDepth/],
  ['object.a.all(x, x.all(y, y.all(z, z)))', /at most 2 loops .* \(column 26\)/],
  ['cel.bind(a, object.b, a == a)', /bind\(\) is not supported/],
  ['object.a.map(x, x).join("") == ""', /join\(\) is not supported/],
  ['object.a.matches(object.b)', /one constant pattern/],
  ['object.a.matches("a" + "b")', /one constant pattern/],
  ['object.a.matches("(")', /RE2 syntax.*\(column 18\)/],
  ['object.a.matches("(?=a)")', /RE2 syntax/],
  [String.raw`object.a.matches("(a)\\1")`, /RE2 syntax/],
  ['[1].exists(x, object.a.matches("("))', /RE2 syntax/],
  ['has(object.b) ? !object.a.matches("(") : {"a": object.a.matches("x")}.a', /RE2 syntax/],
  ['object.a.matches("((abcdefgh){50}x){10}")', /too large/],
]

for (const [when, problem] of refused)
  test(`'${when.slice(0, 60)}' is refused before it runs`, () => {
    assert.match(checkWhen(when) ?? '', problem)
    assert.throws(() => compileWhen(when), WhenError)
  })

// The engine of JavaScript needs 2^60 steps for this one; a test that ends proves that it does not run there.
test('a regular expression that explodes on a backtracking engine ends', () => {
  const object = kubeObject('a', { text: `${'a'.repeat(60)}!` })
  assert.equal(compileWhen('object.text.matches("^(a+)+$")')(object, cluster), 'no-match')
  assert.equal(compileWhen('[object.text].exists(t, t.matches("^(a|aa)+$"))')(object, cluster), 'no-match')
})

test('two patterns in one expression are told apart', () => {
  assert.equal(compileWhen('object.metadata.name.matches("^s") && !object.metadata.name.matches("^t")')(shop, cluster), 'match')
})

test('objects with a key named constructor are read like others', () => {
  const odd = kubeObject('odd', {
    metadata: { labels: { constructor: 'x', app: 'shop' } },
    spec: { constructor: null, a: [{ constructor: 1 }] },
  })
  const result = (when: string) => compileWhen(when)(odd, { name: 'c', labels: { constructor: 'y' } })
  assert.equal(result('object.metadata.labels.app == "shop"'), 'match')
  assert.equal(result('object.metadata.labels.constructor == "x" && cluster.labels.constructor == "y"'), 'match')
  assert.equal(result('object.spec.a.exists(e, e.constructor == 1)'), 'match')
  assert.equal(result('object.spec.nothing == 1'), 'missing')
  assert.equal(result('object.spec.a[0].b == 1'), 'missing')
})

test('evaluation leaves the object as it was', () => {
  const before = JSON.stringify(shop)
  compileWhen('object.spec.ports.map(p, p.port).exists(p, p == 80)')(shop, cluster)
  assert.equal(JSON.stringify(shop), before)
})
