/** The store's thread: owns the database, does the requests of the main thread in groups. Ends when it is told to close, or has lost the database. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { CallName, Ops, Output } from '../calls.ts'
import { NotSoleWriter } from '../engine/engine.ts'
import type { Step } from './group.ts'
import { type Host, openHost } from './host.ts'
import { toPlain } from './plain-error.ts'
import type { FromThread, Request, ThreadSettings, ToThread } from './thread.ts'

if (parentPort === null) throw new Error('expected to run as a worker thread of the store')
const port = parentPort
const settings: ThreadSettings = workerData
const tell = (message: FromThread) => port.postMessage(message)

const dispatch = <K extends CallName>(ops: Ops, { op, input }: Request<K>): Output<K> => ops[op](input)
const stepOf = (request: Request): Step => ({ id: request.id, run: (ops) => dispatch(ops, request) })

function serve(host: Host): void {
  let closing = false
  let waits = true
  const accept = (message: ToThread): Step | undefined => {
    if (message !== 'close') return stepOf(message)
    closing = true
    return undefined
  }
  const next = (): Step | undefined => {
    const received: { readonly message: ToThread } | undefined = closing ? undefined : receiveMessageOnPort(port)
    waits = received !== undefined
    return received && accept(received.message)
  }
  port.on('message', (message: ToThread) => {
    const first = accept(message)
    const replies = first === undefined ? [] : host.run(first, next)
    tell({ replies })
    const lost = replies.find((reply) => !reply.ok && reply.error.name === NotSoleWriter.name)
    if (lost?.ok === false) {
      tell({ failed: lost.error })
      port.close() // and not the database, which is another's
    } else if (closing) {
      host[Symbol.dispose]()
      port.close()
    } else host.tidy(!waits)
  })
}

function openOrTell(): Host | undefined {
  try {
    return openHost(settings.file)
  } catch (error) {
    tell({ failed: toPlain(error) })
    return undefined
  }
}

const host = openOrTell()
if (host !== undefined) {
  tell({ opened: { hubId: host.hubId, head: host.head } })
  serve(host)
}
