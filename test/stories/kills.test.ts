/**
 * Hub and agents, killed a hundred times by SIGKILL: at each named moment, and at random under load, while one of three receivers refuses, breaks and
 * hangs. Nothing is lost, nothing is out of order, and what was given up can be told again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKiller } from '../support/kills/killer.ts'
import { momentsOf, playMatrix } from '../support/kills/matrix.ts'
import { setStage } from '../support/kills/stage.ts'
import { faultsOf, tableOf } from '../support/kills/table.ts'
import { judge, redeem } from '../support/kills/verdict.ts'

const seed = Number(process.env.WATCH_HUB_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

test('a hundred kills lose nothing, turn nothing round, and repeat only what is allowed', { timeout: 600_000 }, async (t) => {
  t.diagnostic(`WATCH_HUB_TEST_SEED=${seed}`)
  const began = performance.now()
  await using stage = await setStage(seed)
  const killer = createKiller(stage)
  try {
    await playMatrix({ stage, killer })
    const verdict = await judge(stage)
    const outcome = {
      ...verdict,
      seed,
      seconds: (performance.now() - began) / 1_000,
      kills: killer.kills,
      withdrawn: stage.withdrawn,
      letters: stage.letters,
    }
    for (const line of tableOf(outcome).split('\n')) t.diagnostic(line)
    assert.deepEqual(faultsOf(outcome), [])
    assert.ok(stage.letters.written > 0, 'expected that something was given up')
    assert.deepEqual(await redeem(stage), [])
    assert.ok(killer.kills.length >= 100, `expected a hundred kills, got ${killer.kills.length}`)
    const atMoments = killer.kills.filter((kill) => !kill.endsWith('at random')).length
    assert.equal(atMoments, momentsOf('hub').length + momentsOf('agent').length)
  } catch (error) {
    console.error([...killer.kills.slice(-5), ...stage.lastLines.slice(-100)].join('\n'))
    throw error
  }
})
