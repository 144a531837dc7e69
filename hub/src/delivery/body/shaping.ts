/** A sender that sends what the endpoint's `body:` makes of the payload. What cannot be made is refused: then something in the batch is to blame. */
import { DeliveryFailure, type Outgoing, type Send } from '../send.ts'
import type { Bodies } from './bodies.ts'

export const shaping =
  (bodies: Pick<Bodies, 'render'>, next: Send): Send =>
  async (batch, signal) => {
    if (batch.expression === undefined) return next(batch, signal)
    const made = await bodies.render({ expression: batch.expression, payload: textOf(batch) }, signal)
    if (made.kind === 'failed') return { kind: 'refused', why: new DeliveryFailure('body_error', `body: ${made.reason}`) }
    return next({ ...batch, body: Buffer.from(made.text) }, signal)
  }

const textOf = ({ body }: Outgoing): string => Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
