import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Check, Mark, WhyWatch } from './model.ts'
import { verdictOn } from './verdict.ts'

const check = (about: string, mark: Mark, line?: number): Check => ({
  about,
  mark,
  detail: `${about} is ${mark}`,
  ...(line !== undefined && { at: { file: 'w.yaml', line, column: 1 } }),
})
const watch = (name: string, ...checks: readonly Check[]): WhyWatch => ({ watch: name, endpoints: ['dns'], checks })
const good = watch('good', check('resources', 'yes'), check('events', 'note'))
const dns = { endpoint: 'dns', checks: [check('breaker', 'yes')] }
const all = {
  ...{ cluster: 'prod', resource: 'services', namespace: 'web', name: 'shop' },
  object: { state: 'present', detail: 'there' },
  clusterChecks: [check('agent', 'yes')],
  watches: [good],
  endpoints: [dns],
} as const

suite('the verdict', () => {
  test('told where a watch, the cluster and an endpoint all let it through', () => {
    assert.deepEqual(verdictOn(all), { told: true, verdict: 'told: the watch good tells dns of it, events is note' })
    const held = { endpoint: 'crm', checks: [check('hold', 'no')] }
    const both = { ...good, endpoints: ['crm', 'dns'] }
    assert.equal(verdictOn({ ...all, watches: [both], endpoints: [held, dns] }).told, true, 'one that hears it is enough')
  })

  test('the watch that comes closest gives the reason, and the place', () => {
    const far = watch('far', check('resources', 'yes'), check('clusters', 'no', 6))
    const near = watch('near', check('resources', 'yes'), check('clusters', 'yes'), check('when', 'no', 9))
    assert.deepEqual(verdictOn({ ...all, watches: [far, near] }), {
      told: false,
      verdict: 'not told: when of the watch near: when is no',
      at: { file: 'w.yaml', line: 9, column: 1 },
    })
  })

  test('a watch of the kind that tells nobody comes closer than those of other kinds', () => {
    const silent = { ...watch('silent', check('resources', 'yes'), check('endpoints', 'no', 6)), endpoints: [] }
    const other = watch('other', check('resources', 'no', 5))
    assert.equal(
      verdictOn({ ...all, watches: [other, silent] }).verdict,
      'not told: endpoints of the watch silent: endpoints is no',
    )
  })

  test('a kind that no watch names, and no watch at all', () => {
    const others = [watch('a', check('resources', 'no', 5)), watch('b', check('resources', 'no', 6))]
    assert.deepEqual(verdictOn({ ...all, watches: others }), {
      told: false,
      verdict: 'not told: no watch names the kind services',
    })
    assert.equal(verdictOn({ ...all, watches: others.slice(0, 1) }).at?.line, 5)
    assert.equal(verdictOn({ ...all, watches: [] }).verdict, 'not told: there is no watch')
    assert.equal(verdictOn({ ...all, watches: [], endpoint: 'dns' }).verdict, 'not told: no watch names the endpoint dns')
  })

  test('the config comes before the object, that before the cluster, and that before the endpoint', () => {
    const layers = {
      watches: [watch('w', check('when', 'no'))],
      object: { state: 'absent', detail: 'not there' },
      clusterChecks: [check('agent', 'no')],
      endpoints: [{ endpoint: 'dns', checks: [check('hold', 'no')] }],
    } as const
    const verdict = (of: Partial<typeof all | typeof layers>) => verdictOn({ ...all, ...layers, ...of }).verdict
    assert.equal(verdict({}), 'not told: when of the watch w: when is no')
    assert.equal(verdict({ watches: all.watches }), 'not told: services web/shop does not exist in prod')
    const { watches, object, clusterChecks } = all
    assert.equal(verdict({ watches, object }), 'not told: agent of the cluster prod: agent is no')
    assert.equal(verdict({ watches, object, clusterChecks }), 'not told: hold of the endpoint dns: hold is no')
  })

  test('what nobody can say is not told, and said so', () => {
    assert.deepEqual(verdictOn({ ...all, object: { state: 'unknown', detail: 'the server is down' } }), {
      told: false,
      verdict: 'nobody can say whether the watch good tells dns of it: the server is down',
    })
    const open = watch('open', check('labelSelector', 'unknown', 7))
    assert.partialDeepStrictEqual(verdictOn({ ...all, watches: [open] }), {
      told: false,
      verdict: 'nobody can say whether the watch open tells dns of it: labelSelector: labelSelector is unknown',
      at: { line: 7 },
    })
  })
})
