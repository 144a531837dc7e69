/** One object as people address it to kubectl: `service/shop`, or `service shop`; its namespace by `-n`. */
import { optional, UsageError } from './flags.ts'
import { text } from './values.ts'

export interface ObjectAddress {
  /** As it was typed, in lower case: `service`, `deployments.apps`. The hub knows which kind that is. */
  readonly resource: string
  /** Absent = none was given. */
  readonly namespace?: string
  readonly name: string
}

export const objectArgs = [
  ['<kind/name>', 'the object as kubectl takes it: service/shop, svc/shop, deployments.apps/shop'],
  ['[name]', 'its name, where the kind stands alone: service shop'],
] as const

export const namespaceFlag = optional('-n, --namespace <name>', {
  about: "the object's namespace; without it default, where the kind has namespaces",
  parse: text,
})

/** Throws UsageError. */
export function objectAddress(args: readonly string[], namespace: string | undefined): ObjectAddress {
  const parts = args.length === 1 ? (args[0] ?? '').split('/') : args
  const [resource = '', name = '', ...more] = parts
  if (resource === '' || name === '' || more.length > 0 || parts.some((part) => part.includes('/')))
    throw new UsageError(`expected one object as KIND/NAME or KIND NAME, such as service/shop, got "${args.join(' ')}"`)
  return { resource: resource.toLowerCase(), name, ...(namespace !== undefined && { namespace }) }
}
