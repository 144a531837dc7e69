import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIgnore } from './ignore.ts'
import { maxFileBytes, maxFiles } from './limits.ts'
import { decodeText, selectManifests, type TreeEntry } from './tree.ts'

const file = (path: string, bytes = 1): TreeEntry => ({ kind: 'file', path, bytes, id: path })
const link = (path: string, target: string): TreeEntry => ({ kind: 'link', path, target })
const pick = (entries: readonly TreeEntry[], ignore = '') => {
  const { files, problems } = selectManifests(entries, parseIgnore(ignore))
  return {
    files: files.map(({ path, file: { id } }) => (path === id ? path : `${path} = ${id}`)),
    problems: problems.map((problem) => `${problem.file}: ${problem.message}`),
  }
}

test('YAML files of any folder are read, sorted by path', () => {
  const entries = ['watches/b.yaml', 'a.yml', 'README.md', 'x/y/z.yaml', 'schema/watch.json'].map((path) => file(path))
  assert.deepEqual(pick(entries), { files: ['a.yml', 'watches/b.yaml', 'x/y/z.yaml'], problems: [] })
})

test('names with a leading dot and ignored ones are passed over', () => {
  const entries = ['.github/workflows/ci.yaml', '.gitlab-ci.yml', 'x/.hidden/a.yaml', 'charts/b.yaml', 'c.yaml'].map((path) =>
    file(path),
  )
  assert.deepEqual(pick(entries, 'charts'), { files: ['c.yaml'], problems: [] })
})

test('a mounted ConfigMap is read through its links', () => {
  const entries = [
    file('..2026/a.yaml'),
    file('..2026/clusters/b.yaml'),
    link('..data', '..2026'),
    link('a.yaml', '..data/a.yaml'),
    link('clusters', '..data/clusters'),
  ]
  assert.deepEqual(pick(entries), { files: ['a.yaml = ..2026/a.yaml', 'clusters/b.yaml = ..2026/clusters/b.yaml'], problems: [] })
})

test('a file that has several names is read once, by its own', () => {
  const entries = [link('a.yaml', 'x/b.yaml'), link('also', './x'), link('x/up', '..'), file('x/b.yaml')]
  assert.deepEqual(pick(entries), { files: ['x/b.yaml'], problems: [] })
})

const bad: readonly (readonly [title: string, links: readonly TreeEntry[], problem: RegExp])[] = [
  [
    'out of the tree',
    [link('a.yaml', '../etc/passwd')],
    /^a\.yaml: expected a link that stays below the config path, got one that leaves it$/,
  ],
  ['out of the tree and back', [link('x/a.yaml', '../../x/b.yaml')], /leaves it/],
  ['to an absolute path', [link('a.yaml', '/etc/passwd')], /leaves it/],
  ['out of the tree by another link', [link('.up', '..'), link('a.yaml', '.up/b.yaml')], /leaves it/],
  ['of a folder out of the tree', [link('watches', '../other')], /^watches: .*leaves it/],
  [
    'to nothing',
    [link('a.yaml', 'b.yaml')],
    /^a\.yaml: expected a link to a file or folder that exists, got one that leads nowhere$/,
  ],
  ['in a circle', [link('a.yaml', 'b.yaml'), link('b.yaml', 'a.yaml')], /got one that goes round in a circle$/],
]

for (const [title, entries, expected] of bad)
  test(`a link that leads ${title} is a problem`, () => {
    const { problems } = pick([...entries, file('x/c.yaml')])
    assert.match(problems[0] ?? '', expected)
  })

test('a link that leaves is no problem where nobody looks', () => {
  assert.deepEqual(pick([link('.up.yaml', '..'), link('old/a.yaml', '/x'), file('b.yaml')], 'old'), {
    files: ['b.yaml'],
    problems: [],
  })
})

test('files that are too large are not read', () => {
  const { files, problems } = pick([file('a.yaml', maxFileBytes + 1), file('b.yaml', maxFileBytes), file('a.bin', 1e9)])
  assert.deepEqual(files, ['b.yaml'])
  assert.match(
    problems.join('\n'),
    /^a\.yaml: expected a file of at most 1048576 bytes, got 1048577; list what is no manifest in \.watchhubignore$/,
  )
})

test('too many files, or too much in them, are not read at all', () => {
  const many = pick(Array.from({ length: maxFiles + 1 }, (_, i) => file(`${i}.yaml`)))
  assert.deepEqual(many.files, [])
  assert.match(many.problems.join('\n'), /^\.: expected at most 5000 manifest files, got 5001/)
  const large = pick(Array.from({ length: 40 }, (_, i) => file(`${i}.yaml`, 1_000_000)))
  assert.deepEqual(large.files, [])
  assert.match(large.problems.join('\n'), /^\.: expected at most 33554432 bytes of manifests, got 40000000/)
})

test('text is UTF-8, with or without a byte order mark', () => {
  assert.equal(decodeText('a.yaml', Buffer.from('\ufeffkind: ä')), 'kind: ä')
  assert.deepEqual(decodeText('a.yaml', Buffer.from([0x61, 0xff])), {
    file: 'a.yaml',
    line: 1,
    column: 1,
    path: '',
    message: 'expected a text in UTF-8, got other bytes',
  })
})
