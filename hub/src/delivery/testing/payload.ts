/** Reads what a receiver was sent. */
import { array, type Decoded, decodeJson, json, object, optional, string } from '@watch-hub/shared/protocol/decode'
import type { Received } from './receiver.ts'

const payload = object({
  id: string,
  metadata: json,
  items: array(
    object({
      id: string,
      type: string,
      reason: optional(string),
      sequence: string,
      watches: array(string),
      resource: object({ uid: string }),
      object: json,
    }),
  ),
})
export type Payload = Decoded<typeof payload>

export const payloadOf = ({ body }: Received): Payload => decodeJson(payload, body)

/** `created a`, one text per item. */
export const told = (request: Received): readonly string[] =>
  payloadOf(request).items.map(
    ({ type, reason, resource }) => `${type}${reason === undefined ? '' : ` (${reason})`} ${resource.uid}`,
  )
