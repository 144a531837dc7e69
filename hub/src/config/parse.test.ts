import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from './model.ts'
import { createParser } from './parse.ts'
import { cluster, endpoint, files } from './testing/manifests.ts'

const parse = async (texts: Readonly<Record<string, string>>) => {
  const { manifests, problems } = await createParser().parse(files(texts))
  return { kinds: manifests.map(({ kind, at }) => `${kind} ${at.file}:${at.line}`), problems: problems.map(formatProblem) }
}

test('a file may hold any number of manifests, in any order', async () => {
  const text = `# about\n---\n${cluster('a')}---\n${endpoint('dns')}---\n`
  assert.deepEqual(await parse({ 'x/all.yaml': text, 'b.yml': cluster('b') }), {
    kinds: ['Cluster x/all.yaml:3', 'Endpoint x/all.yaml:7', 'Cluster b.yml:1'],
    problems: [],
  })
})

const refused: readonly (readonly [text: string, problem: string])[] = [
  ['just text', "a.yaml:1:1: expected a manifest, a map with apiVersion, kind, metadata and spec, got 'just text'"],
  ['- a', 'a.yaml:1:1: expected a manifest, a map with apiVersion, kind, metadata and spec, got a list'],
  [
    'apiVersion: v1\nkind: ConfigMap',
    "a.yaml:1:13 apiVersion: expected watch-hub.dev/v1alpha1 (list files that are none of ours in .watchhubignore), got 'v1'",
  ],
  [
    'apiVersion: watch-hub.dev/v2\nkind: Watch',
    "a.yaml:1:13 apiVersion: expected watch-hub.dev/v1alpha1 (list files that are none of ours in .watchhubignore), got 'watch-hub.dev/v2'",
  ],
  [
    'kind: Watch',
    'a.yaml:1:1 apiVersion: expected watch-hub.dev/v1alpha1 (list files that are none of ours in .watchhubignore), got nothing',
  ],
  [
    'apiVersion: watch-hub.dev/v1alpha1\nkind: Wacth',
    "a.yaml:2:7 kind: expected Cluster | Endpoint | Watch | Settings, got 'Wacth' (did you mean 'Watch'?)",
  ],
  ['apiVersion: watch-hub.dev/v1alpha1', 'a.yaml:1:1 kind: expected Cluster | Endpoint | Watch | Settings, got nothing'],
]

for (const [text, problem] of refused)
  test(`refused: ${JSON.stringify(text)}`, async () => assert.deepEqual((await parse({ 'a.yaml': text })).problems, [problem]))

test('one broken document does not hide the others', async () => {
  const { kinds, problems } = await parse({ 'a.yaml': `kind: [\n---\n${cluster('a')}`, 'b.yaml': cluster('b') })
  assert.deepEqual(kinds, ['Cluster a.yaml:3', 'Cluster b.yaml:1'])
  assert.equal(problems.length > 0, true)
})

test('files with equal ids are parsed once, and told apart by their paths', async () => {
  const parser = createParser()
  const text = cluster('a')
  const first = await parser.parse([{ path: 'a.yaml', text, id: '1' }])
  const again = await parser.parse([
    { path: 'b.yaml', text: 'not looked at', id: '1' },
    { path: 'c.yaml', text: 'not looked at', id: '1' },
  ])
  assert.deepEqual(
    first.manifests.map(({ at }) => at.file),
    ['a.yaml'],
  )
  assert.deepEqual(
    again.manifests.map(({ at }) => at.file),
    ['b.yaml', 'c.yaml'],
  )
})

test('what is gone is forgotten', async () => {
  const parser = createParser()
  await parser.parse([{ path: 'a.yaml', text: cluster('a'), id: '1' }])
  await parser.parse([])
  const { manifests } = await parser.parse([{ path: 'a.yaml', text: endpoint('dns'), id: '1' }])
  assert.deepEqual(
    manifests.map(({ kind }) => kind),
    ['Endpoint'],
  )
})

test('parsing stops with its signal', async () => {
  const stop = new AbortController()
  stop.abort(new Error('stopped'))
  await assert.rejects(createParser().parse(files({ 'a.yaml': cluster('a') }), stop.signal), /stopped/)
})
