import { join } from 'node:path'
import { createStore } from './front.ts'
import { openLocal } from './local.ts'
import { storeContract } from './store.contract.ts'
import { openThread } from './thread.ts'

const fileIn = (dir: string) => join(dir, 'store.db')

storeContract('SQLite in a thread', async (dir) => {
  const link = await openThread({ file: fileIn(dir) })
  return { link, store: createStore(link), kill: link.kill }
})

storeContract('SQLite in this thread', async (dir) => {
  const link = openLocal({ file: fileIn(dir) })
  return { link, store: createStore(link), kill: async () => {} }
})
