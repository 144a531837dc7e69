import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route, WatchRoute } from '../store.ts'
import { type Audience, type Change, derive, isCorrection } from './derive.ts'

const watch = (over: Partial<WatchRoute> = {}): WatchRoute => ({
  definition: 'd1',
  endpoints: ['dns'],
  events: ['created', 'updated', 'deleted'],
  initial: 'send',
  metadata: {},
  ...over,
})

interface Case {
  readonly fact: string
  readonly change: Partial<Change>
  readonly watches?: Record<string, WatchRoute>
  readonly heard?: Record<string, readonly string[]>
  readonly synced?: Record<string, string>
  readonly endpoints?: readonly string[]
  readonly routes: readonly Route[]
}

const route = (type: Route['type'], reason?: Route['reason'], watches: readonly string[] = ['lb']): Route => ({
  endpoint: 'dns',
  type,
  ...(reason !== undefined && { reason }),
  watches,
})

const inStep = { lb: 'd1' }
const held = { before: ['lb'], now: ['lb'], change: 'modified' } as const
const left = { before: ['lb'], now: [], change: 'modified' } as const
const gone = { before: ['lb'], now: [], change: 'gone' } as const
const fresh = { before: [], now: ['lb'], change: 'added' } as const

const renamed = { watches: { balancers: watch() }, heard: { dns: ['lb', 'balancers'] }, synced: inStep }

const cases: readonly Case[] = [
  // none → some
  { fact: 'a new object is created', change: fresh, routes: [route('created')] },
  {
    fact: 'an older object that begins to match is created, in-scope',
    change: { ...fresh, change: 'modified' },
    routes: [route('created', 'in-scope')],
  },
  {
    fact: 'an object listed before the watch was ever compared is initial',
    change: { ...fresh, cause: 'list' },
    routes: [route('created', 'initial')],
  },
  {
    fact: 'an object that a comparison finds although the watch was in step is recovered',
    change: { ...fresh, cause: 'list' },
    synced: inStep,
    routes: [route('created', 'recovered')],
  },
  {
    fact: 'what a widened watch takes in is initial',
    change: { ...fresh, cause: 'list' },
    synced: { lb: 'before it was widened' },
    routes: [route('created', 'initial')],
  },
  {
    fact: 'initial: skip says nothing of what a list brings',
    change: { ...fresh, cause: 'list' },
    watches: { lb: watch({ initial: 'skip' }) },
    routes: [],
  },
  {
    fact: 'initial: skip does not hide what a comparison recovers',
    change: { ...fresh, cause: 'list' },
    watches: { lb: watch({ initial: 'skip' }) },
    synced: inStep,
    routes: [route('created', 'recovered')],
  },
  {
    fact: 'initial: skip does not hide a live creation',
    change: fresh,
    watches: { lb: watch({ initial: 'skip' }) },
    routes: [route('created')],
  },
  {
    fact: 'one watch that sends is enough when another skips',
    change: { ...fresh, now: ['lb', 'quiet'], cause: 'list' },
    watches: { lb: watch(), quiet: watch({ initial: 'skip' }) },
    routes: [route('created', 'initial', ['lb', 'quiet'])],
  },
  {
    fact: 'a second watch of another endpoint makes the object new for that endpoint alone',
    change: { ...held, now: ['lb', 'other'] },
    watches: { lb: watch(), other: watch({ endpoints: ['cmdb'] }) },
    endpoints: ['cmdb', 'dns'],
    routes: [{ endpoint: 'cmdb', type: 'created', reason: 'in-scope', watches: ['other'] }],
  },

  // some → some
  { fact: 'other content is updated', change: { ...held, differs: true }, routes: [route('updated')] },
  { fact: 'the same content says nothing', change: held, routes: [] },
  {
    fact: 'other content of the same version is a projection',
    change: { ...held, cause: 'list', differs: true, sameVersion: true },
    routes: [route('updated', 'projection')],
  },
  {
    fact: 'other content of another version found by comparing is recovered',
    change: { ...held, cause: 'list', differs: true },
    synced: inStep,
    routes: [route('updated', 'recovered')],
  },
  {
    fact: 'an object that left a watch while it was renamed is deleted, recovered',
    change: { ...left, cause: 'list' },
    ...renamed,
    routes: [route('deleted', 'recovered')],
  },
  {
    fact: 'an object that left a watch which was renamed and narrowed at once is left alone: a commit may have done it',
    change: { ...left, cause: 'list' },
    ...renamed,
    watches: { balancers: watch({ definition: 'narrowed' }) },
    routes: [],
  },
  {
    fact: 'an object that left a watch whose definition another one of other endpoints has is left alone',
    change: { ...left, cause: 'list' },
    ...renamed,
    watches: { balancers: watch({ endpoints: ['cmdb'] }), other: watch({ definition: 'd2' }) },
    routes: [],
  },
  {
    fact: 'initial: skip does not hide what came while the watch was renamed',
    change: { ...fresh, now: ['balancers'], cause: 'list' },
    ...renamed,
    watches: { balancers: watch({ initial: 'skip' }) },
    routes: [route('created', 'recovered', ['balancers'])],
  },
  {
    fact: 'a renamed watch says nothing',
    change: { ...held, before: ['old'], cause: 'list', sameVersion: true },
    heard: { dns: ['lb', 'old'] },
    routes: [],
  },
  {
    fact: 'a renamed watch with changed content is updated, not created',
    change: { ...held, before: ['old'], cause: 'list', differs: true },
    heard: { dns: ['lb', 'old'] },
    routes: [route('updated', 'recovered')],
  },
  {
    fact: 'moving from one watch of an endpoint to another is no creation',
    change: { ...held, now: ['nodes'] },
    watches: { lb: watch(), nodes: watch() },
    heard: { dns: ['lb', 'nodes'] },
    routes: [],
  },

  // some → none
  { fact: 'an object that is gone is deleted', change: gone, routes: [route('deleted')] },
  {
    fact: 'an object missed by a list is deleted, recovered',
    change: { ...gone, cause: 'list' },
    routes: [route('deleted', 'recovered')],
  },
  {
    fact: 'a deletion found by a list needs no watch in step: the object is gone',
    change: { ...gone, cause: 'list' },
    synced: { lb: 'another' },
    routes: [route('deleted', 'recovered')],
  },
  {
    fact: 'an object whose change takes it out is deleted, out-of-scope',
    change: left,
    routes: [route('deleted', 'out-of-scope')],
  },
  {
    fact: 'an object that left while nobody looked is deleted, recovered',
    change: { ...left, cause: 'list' },
    synced: inStep,
    routes: [route('deleted', 'recovered')],
  },
  {
    fact: 'a narrowed watch deletes nothing',
    change: { ...left, cause: 'list' },
    synced: { lb: 'wider' },
    routes: [],
  },
  {
    fact: 'a watch that was never compared deletes nothing',
    change: { ...left, cause: 'list' },
    routes: [],
  },
  {
    fact: 'a removed watch deletes nothing when the comparison drops its objects',
    change: { before: ['old'], now: [], change: 'modified', cause: 'list' },
    heard: { dns: ['lb', 'old'] },
    synced: { old: 'd0', ...inStep },
    routes: [],
  },
  {
    fact: 'the end of an object that a removed watch had told of is told under its old name',
    change: { before: ['old'], now: [], change: 'gone' },
    heard: { dns: ['lb', 'old'] },
    routes: [route('deleted', undefined, ['old'])],
  },
  {
    fact: 'a deletion names the watches that the plan still has',
    change: { ...gone, before: ['lb', 'old'] },
    heard: { dns: ['lb', 'old'] },
    routes: [route('deleted')],
  },
  {
    fact: 'an endpoint that a commit took from a watch hears no deletion of what still matches it',
    change: { before: ['nodes'], now: ['nodes'], change: 'modified', differs: true },
    watches: { lb: watch(), nodes: watch({ endpoints: ['cmdb'] }) },
    heard: { dns: ['lb', 'nodes'] },
    routes: [],
  },
  {
    fact: 'an endpoint that a commit took from a watch hears nothing when an object leaves that watch',
    change: { before: ['nodes'], now: [], change: 'modified' },
    watches: { lb: watch(), nodes: watch({ endpoints: ['cmdb'] }) },
    heard: { dns: ['lb', 'nodes'] },
    routes: [],
  },
  {
    fact: 'leaving the watch that is still heard is a deletion, although one that was taken away still matches',
    change: { before: ['lb', 'nodes'], now: ['nodes'], change: 'modified' },
    watches: { lb: watch(), nodes: watch({ endpoints: ['cmdb'] }) },
    heard: { dns: ['lb', 'nodes'] },
    routes: [route('deleted', 'out-of-scope')],
  },
  {
    fact: 'the end of an object is told to an endpoint that a commit took from the watch: its receiver holds the object',
    change: { ...gone, before: ['nodes'] },
    watches: { lb: watch(), nodes: watch({ endpoints: ['cmdb'] }) },
    heard: { dns: ['lb', 'nodes'] },
    routes: [route('deleted', undefined, ['nodes'])],
  },
  {
    fact: 'an endpoint that never heard the watch is told of no deletion',
    change: gone,
    heard: { dns: [] },
    routes: [],
  },

  // nobody, and the filter
  { fact: 'none before and none now is nothing', change: { before: [], now: [], change: 'modified' }, routes: [] },
  { fact: 'an endpoint that does not get the stream is told nothing', change: fresh, endpoints: [], routes: [] },
  {
    fact: 'events drops what no watch lists',
    change: { ...held, differs: true },
    watches: { lb: watch({ events: ['created', 'deleted'] }) },
    routes: [],
  },
  {
    fact: 'a route keeps the watches whose events list the type',
    change: { ...held, before: ['lb', 'nodes'], now: ['lb', 'nodes'], differs: true },
    watches: { lb: watch({ events: ['created'] }), nodes: watch() },
    heard: { dns: ['lb', 'nodes'] },
    routes: [route('updated', undefined, ['nodes'])],
  },
  {
    fact: 'events drops a deletion that no watch lists',
    change: gone,
    watches: { lb: watch({ events: ['created'] }) },
    routes: [],
  },
  {
    fact: 'a watch name that every JavaScript object has is a name like others',
    change: { ...fresh, now: ['constructor'] },
    routes: [],
  },
]

for (const { fact, change, routes, ...given } of cases)
  test(`derive: ${fact}`, () => {
    const watches = given.watches ?? { lb: watch() }
    const heard = given.heard ?? Object.fromEntries(['cmdb', 'dns'].map((e) => [e, heardBy(e, watches)]))
    const audience: Audience = {
      endpoints: given.endpoints ?? ['dns'],
      watches: new Map(Object.entries(watches)),
      own: Object.keys(watches),
      heard: new Map(Object.entries(heard).map(([endpoint, names]) => [endpoint, new Set(names)])),
      synced: new Map(Object.entries(given.synced ?? {})),
    }
    const whole: Change = {
      before: [],
      now: [],
      change: 'modified',
      cause: 'live',
      differs: false,
      sameVersion: false,
      ...change,
    }
    assert.deepEqual(derive(whole, audience), routes)
    const asAudit: Change = { ...whole, cause: 'audit' }
    if (whole.cause === 'list') assert.deepEqual(derive(asAudit, audience), routes, 'an audit is told as any other comparison')
  })

const heardBy = (endpoint: string, watches: Readonly<Record<string, WatchRoute>>): readonly string[] =>
  Object.keys(watches).filter((name) => watches[name]?.endpoints.includes(endpoint))

const corrections: readonly (readonly [fact: string, change: Partial<Change>, expected: boolean])[] = [
  ['a new object is one where the watch was in step', fresh, true],
  ['so is one that is gone', gone, true],
  ['so is one that left', left, true],
  ['so is one with other content', { ...held, differs: true }, true],
  ['a live change is none', { ...held, differs: true, cause: 'live' }, false],
  ['another projection of the same version is none', { ...held, differs: true, sameVersion: true }, false],
  ['an object that a commit brought is none', { ...fresh, now: ['new'] }, false],
  ['one that a commit took away is none', { ...left, before: ['old'] }, false],
  ['one that is gone unseen is one for a watch in step among others', { ...gone, before: ['lb', 'old'] }, true],
  ['one that a new watch takes in besides is none', { ...held, now: ['lb', 'new'] }, false],
]

for (const [fact, change, expected] of corrections)
  test(`isCorrection: ${fact}`, () => {
    const watches = new Map([
      ['lb', watch()],
      ['new', watch()],
    ])
    const whole: Change = {
      before: [],
      now: [],
      change: 'modified',
      cause: 'list',
      differs: false,
      sameVersion: false,
      ...change,
    }
    assert.equal(isCorrection(whole, { watches, synced: new Map([...Object.entries(inStep), ['old', 'd0']]) }), expected)
  })
