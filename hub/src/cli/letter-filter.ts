/** Which dead letters a command means: ids, one object as kubectl addresses it, or what flags say. They narrow each other. */
import type { LetterFilter } from '../http/view.ts'
import { type FlagValues, onOff, optional, UsageError } from './flags.ts'
import { duration, text } from './values.ts'

const only = (spelled: string, about: string) => optional(spelled, { about, parse: text })

export const filterFlags = {
  endpoint: only('--endpoint <name>', 'only those of this endpoint'),
  olderThan: optional('--older-than <duration>', { about: 'only those that died longer ago, such as 12h', parse: duration }),
  cluster: only('--cluster <name>', 'only of objects of this cluster'),
  resource: only('--resource <kind>', 'only of this kind: services, deployments.apps'),
  namespace: only('-n, --namespace <name>', 'only of objects in this namespace'),
  name: only('--name <name>', 'only of objects with this name'),
  cause: only('--cause <cause>', 'only those with this cause, as list shows it: http_4xx, timeout'),
}

export const allFlag = onOff('--all', { about: 'all that there are; without it a filter or ids are required' })

export const letterArgs = [
  ['[id|kind/name...]', 'ids of dead letters, or one object: services/shop, deployments.apps/shop'],
] as const

export type LetterFlags = FlagValues<typeof filterFlags>

export function letterFilter(flags: LetterFlags, args: readonly string[]): LetterFilter {
  const { endpoint, olderThan: olderThanMs, cluster, namespace, cause } = flags
  const object = objectOf(args)
  if (object !== undefined && (flags.resource !== undefined || flags.name !== undefined))
    throw new UsageError(`expected either ${args.join(' ')} or --resource and --name, got both`)
  const { resource, name } = object ?? flags
  const ids = object === undefined && args.length > 0 ? args : undefined
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(olderThanMs !== undefined && { olderThanMs }),
    ...(cluster !== undefined && { cluster }),
    ...(resource !== undefined && { resource }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(cause !== undefined && { cause }),
    ...(ids !== undefined && { ids }),
  }
}

function objectOf(args: readonly string[]): { readonly resource: string; readonly name: string } | undefined {
  const addressed = args.filter((arg) => arg.includes('/'))
  if (addressed.length === 0) return undefined
  const [resource, name, ...more] = addressed.join('/').split('/')
  if (args.length > 1 || !resource || !name || more.length > 0)
    throw new UsageError(`expected ids, or one object as KIND/NAME, got "${args.join(' ')}"`)
  return { resource, name }
}

/** The filter as an order: one that says nothing has to be meant (`--all`). */
export function letterOrder(filter: LetterFilter, all: boolean): LetterFilter & { readonly all: boolean } {
  const given = Object.keys(filter).length > 0
  if (all && given) throw new UsageError('--all: expected no filter and no ids with it')
  if (!all && !given)
    throw new UsageError(
      'expected to be told which dead letters are meant: ids, KIND/NAME, a filter such as --endpoint, or --all',
    )
  return { ...filter, all }
}
