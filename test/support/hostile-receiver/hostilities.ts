/** What a hostile receiver can do to a request. */
import type { Encounter, Hostility } from './receiver.ts'

type Headers = Readonly<Record<string, string>>

/** Reads all and answers properly. */
export const answer =
  (status: number, { headers = {}, body = '' }: { readonly headers?: Headers; readonly body?: string } = {}): Hostility =>
  async ({ read, response }) => {
    await read()
    response.writeHead(status, headers).end(body)
  }

export const redirect = (status: number, location: string): Hostility => answer(status, { headers: { location } })

export const askingToWait = (status: number, retryAfter: string): Hostility =>
  answer(status, { headers: { 'retry-after': retryAfter } })

export const failing = (failures: unknown): Hostility => answer(200, { body: JSON.stringify({ failures }) })

/** Takes the request and never says a word. */
export const silence: Hostility = ({ read }) => read()

/** Does not even read. */
export const deafness: Hostility = ({ request }) => request.pause()

/** Says these very bytes, and nothing after them. */
export const raw =
  (bytes: string, then: 'hold' | 'close' | 'reset' = 'hold'): Hostility =>
  async ({ read, socket }) => {
    await read()
    await new Promise((written) => socket.write(bytes, written))
    if (then === 'close') socket.end()
    if (then === 'reset') socket.resetAndDestroy()
  }

/** A new byte comes again and again, and never the last one. `beginning` comes at once. */
const dripping =
  (beginning: string, drop: string): Hostility =>
  async ({ read, socket }) => {
    await read()
    socket.write(beginning)
    const drip = setInterval(() => socket.write(drop), 5)
    socket.on('close', () => clearInterval(drip))
  }

export const slowHeaders: Hostility = dripping('HTTP/1.1 200 OK\r\nx-slow: ', 'a')
export const slowBody: Hostility = dripping('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n', 'a')

/** So many headers that no end is in sight. */
export const endlessHeaders: Hostility = dripping('HTTP/1.1 200 OK\r\n', `x-more: ${'a'.repeat(4_000)}\r\n`)

export const hangUpBeforeReading: Hostility = ({ socket }) => socket.destroy()

export const hangUpAfterReading: Hostility = async ({ read, socket }) => {
  await read()
  socket.end()
}

export const resetAfterReading: Hostility = async ({ read, socket }) => {
  await read()
  socket.resetAndDestroy()
}

/** Announces more than it says. */
export const resetInBody = (status: number, body: string): Hostility =>
  raw(`HTTP/1.1 ${status} X\r\ncontent-length: 1000\r\n\r\n${body}`, 'reset')

export const closeInBody = (status: number, body: string): Hostility =>
  raw(`HTTP/1.1 ${status} X\r\ncontent-length: 1000\r\n\r\n${body}`, 'close')

const mebibyte = 'x'.repeat(1024 * 1024)

export const hugeAnswer = (status: number, mebibytes: number, beginning = ''): Hostility =>
  async function huge({ read, response }: Encounter) {
    await read()
    response.writeHead(status)
    response.write(beginning)
    for (let i = 0; i < mebibytes && !response.destroyed; i++)
      if (!response.write(mebibyte)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
    response.end()
  }

/** Answers before it has read anything, and reads on only afterwards, as proxies in front of receivers do. */
export const hastyAnswer = (status: number): Hostility =>
  async function hasty({ request, response }: Encounter) {
    response.writeHead(status, { connection: 'close' }).end('too soon')
    request.resume()
  }

/** Says back whatever it was told. */
export const echo = (status: number): Hostility =>
  async function echoing({ read, request, response }: Encounter) {
    const body = await read()
    response.writeHead(status).end(JSON.stringify({ headers: request.headers, body }))
  }

/** Goes on for hours about what it is about to do. */
export const chatter: Hostility = dripping('', 'HTTP/1.1 102 Processing\r\n\r\n')
