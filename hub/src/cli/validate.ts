/** `watch-hub validate DIR`: what a hub would say to this folder, before it is committed. Exit code 1 when it would refuse it. */
import { resolve } from 'node:path'
import { compile } from '../config/compile.ts'
import { readFolder } from '../config/folder.ts'
import { type ConfigProblem, formatProblem } from '../config/model.ts'
import { createParser, type Parsed } from '../config/parse.ts'
import type { Kind } from '../config/schema.ts'
import { command } from './command.ts'
import { output, UsageError } from './flags.ts'
import { json } from './output.ts'

export const validate = command({
  name: 'validate',
  about: 'check the manifests of a folder as a hub would; exit code 1 when it would refuse them',
  args: [['<dir>', 'folder with the manifests: the config repo, or the path in it that the hub reads']],
  flags: { output: output('json') },
  notes: 'Every problem is told at once, as FILE:LINE:COLUMN PATH: expected …, got …',
  run: async (io, { output }, [dir = '']) => {
    const reading = await readFolder(resolve(io.cwd, dir), io.signal)
    if (reading.kind === 'failed') throw new UsageError(reading.reason)
    const { commit, files, problems: unread } = reading
    const parsed = await createParser().parse(files, io.signal)
    const compiled = compile({ commit, parsed, unread })
    const problems = compiled.ok ? [] : compiled.problems
    const counts = countsOf(parsed)
    if (output === 'json') io.out(json({ ok: compiled.ok, ...counts, problems }))
    else for (const line of report(counts, problems)) io.out(line)
    if (!compiled.ok) io.setExitCode(1)
  },
})

interface Counts {
  readonly clusters: number
  readonly endpoints: number
  readonly watches: number
}

function countsOf({ manifests }: Parsed): Counts {
  const count = (kind: Kind) => manifests.filter((manifest) => manifest.kind === kind).length
  return { clusters: count('Cluster'), endpoints: count('Endpoint'), watches: count('Watch') }
}

function report({ clusters, endpoints, watches }: Counts, problems: readonly ConfigProblem[]): readonly string[] {
  const found = problems.length === 0 ? 'ok' : plural(problems.length, 'problem')
  const summary = [plural(clusters, 'cluster'), plural(endpoints, 'endpoint'), plural(watches, 'watch')].join(', ')
  return [...problems.map(formatProblem), `${summary}: ${found}`]
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`
