import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Database, openDatabase } from '../engine/database.ts'
import { checkpoints } from './checkpoints.ts'

const limits = { idlePages: 10, mostPages: 100 }

function withDatabase(run: (db: Database, grow: (pages: number) => void) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'watch-hub-checkpoints-'))
  using _dir = { [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
  using db = openDatabase(join(dir, 'x.db'))
  db.exec('CREATE TABLE t (body TEXT)')
  const insert = db.command('INSERT INTO t VALUES (?)')
  run(db, (pages) => {
    for (let i = 0; i < pages; i++) insert('x'.repeat(8_000))
  })
}

const left = (db: Database) => {
  const { pages, copied } = db.checkpoint('noop')
  return pages - copied
}

test('while nothing waits, a log worth it is copied soon', () => {
  withDatabase((db, grow) => {
    const tidy = checkpoints(db, limits)
    tidy(true)
    assert.ok(left(db) > 0, 'a few pages can wait')
    grow(10)
    tidy(true)
    assert.equal(left(db), 0)
  })
})

test('under load the log grows up to its bound', () => {
  withDatabase((db, grow) => {
    const tidy = checkpoints(db, limits)
    grow(20)
    tidy(false)
    assert.ok(left(db) >= 20)
    grow(100)
    tidy(false)
    assert.equal(left(db), 0)
  })
})
