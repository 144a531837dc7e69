/**
 * The couriers that run: one for each endpoint of the Snapshot that is followed, never two for one. An endpoint that appears gets a courier,
 * one that is gone loses it, one whose settings changed is told, and one that is unchanged is not touched.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { Snapshot } from '../config/model.ts'
import type { Courier, Order } from './courier.ts'

interface Running {
  readonly order: Order
  readonly courier: Courier
}

export interface CouriersDeps {
  /** `after`: what has to be over before it begins. */
  readonly start: (order: Order, after: Promise<void> | undefined) => Courier
  readonly log: Log
}

export interface Couriers extends AsyncDisposable {
  follow(snapshot: Snapshot): void
  get(endpoint: string): Courier | undefined
  all(): readonly (readonly [endpoint: string, courier: Courier])[]
  /** Runs `work` while the endpoint has no running courier, and then gives it one again. Nothing = there is no such endpoint. */
  apart<T>(endpoint: string, work: () => Promise<T>): Promise<T | undefined>
}

export function createCouriers({ start, log }: CouriersDeps): Couriers {
  const running = new Map<string, Running>()
  /** What an endpoint's next courier waits for. */
  const ending = new Map<string, Promise<void>>()
  /** The last work apart from each endpoint's courier. */
  const turns = new Map<string, Promise<unknown>>()

  function begin(order: Order): void {
    const { name } = order.endpoint
    running.set(name, { order, courier: start(order, ending.get(name)) })
  }

  function endAfter(name: string, before: Promise<unknown>): void {
    const end = Promise.all([ending.get(name), before]).then(() => {})
    ending.set(name, end)
    void end.then(() => ending.get(name) === end && ending.delete(name))
  }

  function stop(name: string): void {
    const courier = running.get(name)?.courier
    if (courier === undefined) return
    running.delete(name)
    endAfter(name, ended(name, courier))
  }

  /** Resolves whatever happens: what did not end well is said, and holds up nobody. */
  async function ended(name: string, courier: Courier): Promise<void> {
    try {
      await courier[Symbol.asyncDispose]()
    } catch (error) {
      log.error('courier did not end well', { endpoint: name, error })
    }
  }

  async function turn<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    const before = running.get(name)
    if (before === undefined) return undefined
    const over = Promise.withResolvers<void>()
    const stopped = ended(name, before.courier)
    endAfter(name, over.promise) // whoever comes meanwhile waits too
    try {
      await stopped
      return await work()
    } finally {
      over.resolve()
      const now = running.get(name)
      if (now?.courier === before.courier) begin(now.order) // no commit has taken it away meanwhile
    }
  }

  return {
    follow(snapshot) {
      for (const name of [...running.keys()]) if (!snapshot.endpoints.has(name)) stop(name)
      for (const endpoint of snapshot.endpoints.values()) {
        const order = { endpoint, attach: snapshot.settings.attach }
        const before = running.get(endpoint.name)
        if (before === undefined) begin(order)
        else if (!sameOrder(before.order, order)) {
          running.set(endpoint.name, { ...before, order })
          before.courier.configure(order)
        }
        before?.courier.lookForScans()
      }
    },
    get: (name) => running.get(name)?.courier,
    all: () => [...running].map(([name, { courier }]) => [name, courier] as const),
    apart(name, work) {
      const mine = (turns.get(name) ?? Promise.resolve()).then(
        () => turn(name, work),
        () => turn(name, work),
      )
      turns.set(name, mine)
      mine.then(
        () => turns.get(name) === mine && turns.delete(name),
        () => turns.get(name) === mine && turns.delete(name),
      )
      return mine
    },
    async [Symbol.asyncDispose]() {
      for (const name of [...running.keys()]) stop(name)
      await Promise.all(ending.values())
    },
  }
}

/** The place of an endpoint in its file does not matter. */
const sameOrder = (a: Order, b: Order): boolean =>
  isDeepStrictEqual({ ...a.endpoint, at: undefined }, { ...b.endpoint, at: undefined }) && isDeepStrictEqual(a.attach, b.attach)
