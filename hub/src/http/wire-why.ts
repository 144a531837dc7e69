/** What clients of the admin API read of `/api/v1/why`, decoded. See `wire.ts`. */
import { array, boolean, type Decoder, literal, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { type Check, marks, type Why } from '../why/model.ts'
import { number } from './wire.ts'

const place = object({ file: string, line: number, column: number })

const check: Decoder<Check> = object({
  about: string,
  mark: literal(...marks),
  detail: string,
  at: optional(place),
  since: optional(number),
  next: optional(number),
})

export const why: Decoder<Why> = object({
  cluster: string,
  resource: string,
  namespace: string,
  name: string,
  endpoint: optional(string),
  object: object({
    state: literal('present', 'absent', 'unknown'),
    detail: string,
    uid: optional(string),
    resourceVersion: optional(string),
  }),
  clusterChecks: array(check),
  watches: array(object({ watch: string, endpoints: array(string), checks: array(check) })),
  endpoints: array(object({ endpoint: string, checks: array(check) })),
  told: boolean,
  verdict: string,
  at: optional(place),
})
