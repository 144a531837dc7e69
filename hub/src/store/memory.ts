/** The store without a file: the same engine, in this thread, gone when it is disposed. For tests and trials. */
import { createStore, type FrontSettings } from './front.ts'
import { openLocal } from './link/local.ts'
import type { Store } from './store.ts'

export const openMemoryStore = (settings: FrontSettings & { readonly now?: () => number } = {}): Store =>
  createStore(openLocal({ file: ':memory:', ...(settings.now && { now: settings.now }) }), settings)
