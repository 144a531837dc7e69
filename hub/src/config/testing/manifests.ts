/** For tests: manifests as short texts, compiled. */
import assert from 'node:assert/strict'
import { compile } from '../compile.ts'
import { type Compiled, formatProblem, type ManifestFile, type Snapshot } from '../model.ts'
import { createParser } from '../parse.ts'

const apiVersion = 'watch-hub.dev/v1alpha1'

/** `manifest('Watch', 'pods', 'resources: [pods]')`: metadata on line 3, the first line of the spec on line 5. */
export const manifest = (kind: string, name: string, spec = '', labels = ''): string =>
  [
    `apiVersion: ${apiVersion}`,
    `kind: ${kind}`,
    `metadata: {name: ${name}${labels === '' ? '' : `, labels: {${labels}}`}}`,
    ...(spec === '' ? [] : ['spec:', ...spec.split('\n').map((line) => `  ${line}`)]),
    '',
  ].join('\n')

export const cluster = (name: string, labels = 'env: prod', spec = '') => manifest('Cluster', name, spec, labels)
export const endpoint = (name: string, spec = '') =>
  manifest('Endpoint', name, `url: https://${name}.example.com/hook${spec === '' ? '' : `\n${spec}`}`)
/** The extra lines begin on line 7. */
export const watch = (name: string, spec = '', endpoints = '[dns]') =>
  manifest('Watch', name, `resources: [services]\nendpoints: ${endpoints}${spec === '' ? '' : `\n${spec}`}`)
export const settings = (spec: string) => `apiVersion: ${apiVersion}\nkind: Settings\nspec:\n${spec.replace(/^/gm, '  ')}\n`

/** Files by path. The id of a file is its text, so equal texts are parsed once. */
export const files = (texts: Readonly<Record<string, string>>): readonly ManifestFile[] =>
  Object.entries(texts).map(([path, text]) => ({ path, text, id: text }))

export const compileTexts = async (texts: Readonly<Record<string, string>>, commit = 'c1'): Promise<Compiled> =>
  compile({ commit, parsed: await createParser().parse(files(texts)) })

/** Each text is a file: `0.yaml`, `1.yaml` … */
const numbered = (texts: readonly string[]) => Object.fromEntries(texts.map((text, i) => [`${i}.yaml`, text]))

/** `file:line:column path: message` of every problem. */
export async function problemsOf(...texts: readonly string[]): Promise<readonly string[]> {
  const compiled = await compileTexts(numbered(texts))
  return compiled.ok ? [] : compiled.problems.map(formatProblem)
}

export async function snapshotOf(...texts: readonly string[]): Promise<Snapshot> {
  const compiled = await compileTexts(numbered(texts))
  if (!compiled.ok) assert.fail(compiled.problems.map(formatProblem).join('\n'))
  return compiled.snapshot
}
