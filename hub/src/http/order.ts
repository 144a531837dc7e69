/** What a POST orders: its body, decoded. */
import { DecodeError, type Decoder, decodeJson } from '@watch-hub/shared/protocol/decode'
import type { Context } from 'hono'
import { badRequest } from './problem.ts'

/** An empty body counts as `{}`. */
export async function order<T>(c: Context, decoder: Decoder<T>): Promise<T> {
  try {
    return decodeJson(decoder, (await c.req.text()) || '{}')
  } catch (error) {
    throw error instanceof DecodeError ? badRequest(error.message) : error
  }
}
