/** The house rules of ARCHITECTURE.md that a machine can check: who may import whom, and who touches the process, timers and packages. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

interface Source {
  readonly file: string
  readonly text: string
  /** Module specifiers of values, and of types. */
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[]
}

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
const importPattern =
  /^(?:import|export)\s+(?<type>type\s)?[^'";]*?from\s+'(?<from>[^']+)'|^import\s+'(?<bare>[^']+)'|import\('(?<dynamic>[^']+)'\)/gm

const sources: readonly Source[] = globSync(['hub/shared/**/*.ts', 'hub/src/**/*.ts', 'cluster-agent/src/**/*.ts'], { cwd: root })
  .filter((file) => !/node_modules|\.test\.ts$|\.contract\.ts$|\/testing\//.test(file))
  .sort()
  .map((file) => {
    const text = withoutComments(readFileSync(join(root, file), 'utf8'))
    const imports = [...text.matchAll(importPattern)].map(({ groups }) => ({
      from: groups?.from ?? groups?.bare ?? groups?.dynamic ?? '',
      typeOnly: groups?.type !== undefined,
    }))
    return { file, text, imports }
  })

/** The folder a specifier leads to, `hub/src/store`; undefined for packages and Node's own modules. */
function target(source: Source, from: string): string | undefined {
  if (from.startsWith('.')) return normalize(join(dirname(source.file), from))
  if (from.startsWith('@watch-hub/shared/')) return from.replace('@watch-hub/shared/', 'hub/shared/')
  if (from.startsWith('@watch-hub/'))
    return from.replace('@watch-hub/hub/', 'hub/src/').replace('@watch-hub/cluster-agent/', 'cluster-agent/src/')
  return undefined
}

const packageOf = (from: string): string | undefined => {
  if (from.startsWith('.') || from.startsWith('node:') || from.startsWith('@watch-hub/')) return undefined
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
}

const offenders = (rule: (source: Source) => readonly string[]) =>
  sources.flatMap((source) => rule(source).map((what) => `${source.file}: ${what}`))

test('there is source to judge', () => {
  assert.ok(sources.length > 40, `found only ${sources.length} files`)
})

test('folders import only what their layer allows', () => {
  const layers: readonly (readonly [folder: string, allowed: readonly string[]])[] = [
    ['hub/shared/protocol', ['hub/shared/protocol']],
    ['hub/shared/runtime', ['hub/shared/runtime']],
    ['hub/shared/pipeline', ['hub/shared/pipeline', 'hub/shared/protocol']],
    ['hub/src/config', ['hub/src/config', 'hub/shared', 'hub/src/store/store']],
    ['hub/src/store', ['hub/src/store', 'hub/shared', 'hub/src/config/model']],
    ['hub/src/fleet', ['hub/src/fleet', 'hub/shared', 'hub/src/store/store', 'hub/src/config/model', 'hub/src/config/plan']],
    [
      'hub/src/delivery',
      [
        'hub/src/delivery',
        'hub/shared',
        'hub/src/store/store',
        'hub/src/store/combine',
        'hub/src/config/model',
        'hub/src/config/folder-watch',
      ],
    ],
    [
      'hub/src/telemetry/metrics',
      [
        ...['hub/src/telemetry', 'hub/shared', 'hub/src/store/store', 'hub/src/config/status'],
        ...['hub/src/fleet/meter', 'hub/src/fleet/status'],
        ...['hub/src/delivery/meter', 'hub/src/delivery/status', 'hub/src/delivery/detail'],
      ],
    ],
    [
      'hub/src/telemetry',
      [
        'hub/src/telemetry',
        'hub/shared',
        'hub/src/store/store',
        'hub/src/config/tracer',
        'hub/src/config/commit-context',
        'hub/src/fleet/tracer',
        'hub/src/delivery/tracer',
        'hub/src/delivery/target',
        'hub/src/delivery/formats/format',
      ],
    ],
    ['hub/src/why', ['hub/src/why', 'hub/shared', 'hub/src/config', 'hub/src/fleet', 'hub/src/delivery', 'hub/src/store/store']],
    ['cluster-agent/src', ['cluster-agent/src', 'hub/shared']],
  ]
  const wrong = offenders((source) => {
    const layer = layers.find(([folder]) => source.file.startsWith(`${folder}/`))
    if (layer === undefined) return []
    return source.imports
      .map(({ from }) => target(source, from))
      .filter(
        (to) =>
          to !== undefined &&
          !layer[1].some((allowed) => to === allowed || to === `${allowed}.ts` || to.startsWith(`${allowed}/`)),
      )
      .map((to) => `may not import ${to}`)
  })
  assert.deepEqual(wrong, [])
})

test('protocol imports nothing outside but Node itself', () => {
  const wrong = offenders((source) =>
    source.file.startsWith('hub/shared/protocol/') ? source.imports.flatMap(({ from }) => packageOf(from) ?? []) : [],
  )
  assert.deepEqual(wrong, [])
})

test('each third-party package has one place that imports it', () => {
  /** Packages whose API is spread over a folder by nature, and that folder. */
  const spread: Readonly<Record<string, string>> = {
    hono: 'hub/src/http',
    commander: 'hub/src/cli',
    ws: 'hub/shared/runtime',
    '@opentelemetry/api': 'hub/src/telemetry',
    '@opentelemetry/core': 'hub/src/telemetry',
    '@opentelemetry/sdk-metrics': 'hub/src/telemetry/metrics',
  }
  const places = new Map<string, Set<string>>()
  for (const source of sources)
    for (const { from, typeOnly } of source.imports) {
      const name = packageOf(from)
      if (name === undefined || typeOnly) continue
      const side = source.file.startsWith('cluster-agent/') ? 'cluster-agent' : 'hub'
      const home = spread[name]
      const place = home !== undefined && source.file.startsWith(home) ? home : source.file
      const key = `${side}: ${name}`
      places.set(key, (places.get(key) ?? new Set()).add(place))
    }
  const crowded = [...places].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`)
  assert.deepEqual(crowded, [])
})

test('only the edges touch the process', () => {
  const wrong = offenders((source) =>
    /^(hub\/src\/main\.ts|hub\/src\/cli\/|hub\/src\/store\/backup\/copier\.ts|cluster-agent\/src\/main\.ts)/.test(source.file) ||
    !/\bprocess\.[a-z]/.test(source.text.replace(/\.process\.|'process\.[a-z.]+'/g, ''))
      ? []
      : ['uses process.*'],
  )
  assert.deepEqual(wrong, [])
})

test('timers are made in runtime/sleep alone', () => {
  const wrong = offenders((source) =>
    source.file === 'hub/shared/runtime/sleep.ts'
      ? []
      : [...source.text.matchAll(/\b(setTimeout|setInterval|AbortSignal\.timeout|node:timers)\b(?!s?\s*:)/g)].map(
          ([what]) => `uses ${what}`,
        ),
  )
  assert.deepEqual(wrong, [])
})

test('there are no barrels', () => {
  assert.deepEqual(
    offenders(({ file, text }) =>
      file.endsWith('/index.ts') && !file.endsWith('watch/index.ts')
        ? ['is a barrel']
        : /^export \*/m.test(text)
          ? ['exports *']
          : [],
    ),
    [],
  )
})
