/** A thread that makes bodies, one at a time. It knows nothing of time: whoever waits for it ends it. */
import { parentPort } from 'node:worker_threads'
import { type Body, compileBody } from '@watch-hub/shared/pipeline/cel-body'
import type { BodyAnswer, BodyRequest } from './thread.ts'

if (parentPort === null) throw new Error('expected to run as a worker thread')
const port = parentPort
const maxCompiled = 100
const compiled = new Map<string, Body>()

function bodyOf(expression: string): Body {
  const known = compiled.get(expression)
  if (known !== undefined) return known
  if (compiled.size >= maxCompiled) compiled.clear()
  const body = compileBody(expression)
  compiled.set(expression, body)
  return body
}

function answer({ expression, payload, maxBytes }: BodyRequest): BodyAnswer {
  try {
    const text = bodyOf(expression)(payload)
    const bytes = Buffer.byteLength(text)
    if (bytes <= maxBytes) return { kind: 'made', text }
    return { kind: 'failed', reason: `expected at most ${maxBytes} bytes, got ${bytes}` }
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}

port.on('message', (request: BodyRequest) => port.postMessage(answer(request)))
port.postMessage('ready')
