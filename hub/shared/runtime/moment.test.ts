import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { channelOf, moment } from './moment.ts'

test('a moment is heard by those who listen for it, before it returns, and by no one else', () => {
  const heard: string[] = []
  const listener = (_: unknown, name: string | symbol) => void heard.push(String(name))
  subscribe(channelOf('frame-stored'), listener)
  moment('frame-stored')
  moment('acked')
  unsubscribe(channelOf('frame-stored'), listener)
  moment('frame-stored')
  assert.deepEqual(heard, ['watch-hub:frame-stored'])
})
