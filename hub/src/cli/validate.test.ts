import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { schemaFiles } from './schema.ts'
import { runHere } from './testing/recording-io.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

async function folder(texts: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'watch-hub-validate-'))
  for (const [name, text] of Object.entries(texts)) await writeFile(join(path, name), text)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const api = 'apiVersion: watch-hub.dev/v1alpha1'
const cluster = `${api}\nkind: Cluster\nmetadata: {name: a}\n`

test('validate: the template is ok as it stands', async () => {
  const { lines, code } = await runHere(['validate', 'config-repo-template'], { cwd: root })
  assert.deepEqual([lines.out, lines.err, code], [['2 clusters, 2 endpoints, 3 watches: ok'], [], undefined])
})

test('validate: every problem is told, with a summary and exit code 1', async () => {
  await using dir = await folder({ 'a.yaml': cluster, 'b.yaml': `${api}\nkind: Endpoint\nmetadata: {name: b}\nspec: {ulr: x}\n` })
  const { lines, code } = await runHere(['validate', '.'], { cwd: dir.path })
  assert.deepEqual(lines.out, [
    'b.yaml:4:1 spec.url: expected an absolute http or https URL, got nothing',
    "b.yaml:4:8 spec.ulr: expected a known field, got 'ulr' (did you mean 'url'?)",
    '1 cluster, 1 endpoint, 0 watches: 2 problems',
  ])
  assert.equal(code, 1)
})

test('validate -o json prints counts and problems', async () => {
  await using dir = await folder({ 'a.yaml': `${cluster}spec: {paused: 5}\n` })
  const { lines, code } = await runHere(['validate', dir.path, '-o', 'json'])
  assert.deepEqual(JSON.parse(lines.out.join('\n')), {
    ok: false,
    clusters: 1,
    endpoints: 0,
    watches: 0,
    problems: [{ file: 'a.yaml', line: 4, column: 16, path: 'spec.paused', message: 'expected true or false, got 5' }],
  })
  assert.equal(code, 1)
})

test('validate: a folder without manifests is refused, one that is missing is a wrong use', async () => {
  await using dir = await folder({ 'README.md': 'x' })
  const empty = await runHere(['validate', dir.path])
  assert.deepEqual(
    [empty.lines.out, empty.code],
    [
      [
        '.:1:1: expected at least one manifest in a .yaml or .yml file, got none',
        '0 clusters, 0 endpoints, 0 watches: 1 problem',
      ],
      1,
    ],
  )
  for (const argv of [['validate', join(dir.path, 'none')], ['validate']]) {
    const wrong = await runHere(argv)
    assert.deepEqual([wrong.lines.out, wrong.code], [[], 2])
    assert.notEqual(wrong.lines.err.length, 0)
  }
})

test('schema prints one schema for all kinds, or that of one', async () => {
  const all = JSON.parse((await runHere(['schema'])).lines.out.join('\n'))
  assert.equal(all.oneOf.length, 4)
  const one = JSON.parse((await runHere(['schema', 'watch'])).lines.out.join('\n'))
  assert.equal(one.title, 'Watch')
  const wrong = await runHere(['schema', 'Wacth'])
  assert.equal(wrong.code, 2)
  assert.match(
    wrong.lines.err.join('\n'),
    /expected one of Cluster, Endpoint, Watch, Settings, got 'Wacth' \(did you mean 'Watch'\?\)/,
  )
})

test('schema --dir writes a file per kind', async () => {
  await using dir = await folder({})
  const { lines } = await runHere(['schema', '--dir', 'out'], { cwd: dir.path })
  assert.deepEqual(lines.out, ['wrote cluster.json, endpoint.json, watch.json, settings.json, manifest.json to out'])
  for (const [name, text] of schemaFiles()) assert.equal(await readFile(join(dir.path, 'out', name), 'utf8'), text)
})

test('the schemas of the template are those of this version; `watch-hub schema --dir config-repo-template/schema` makes them so', async () => {
  for (const [name, text] of schemaFiles())
    assert.equal(await readFile(join(root, 'config-repo-template', 'schema', name), 'utf8'), text, name)
})
