import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listen } from './listen.ts'

const app = { fetch: () => Response.json('hello') }

test('a port on all addresses names one that works here', async () => {
  await using server = await listen(app, { listen: { port: 0 } })
  assert.equal(server.url, `http://127.0.0.1:${server.port}`)
  assert.equal((await fetch(server.url)).status, 200)
})
