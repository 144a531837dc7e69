/** A hub in this process, composed as in hub.ts without Git and without the operators' side. It can be stopped, and it can be killed. */
import type { Snapshot } from '@watch-hub/hub/config/model'
import { activationOf } from '@watch-hub/hub/config/plan'
import { type Delivery, startDelivery } from '@watch-hub/hub/delivery/dispatcher'
import { createEgress } from '@watch-hub/hub/delivery/egress'
import { startSecrets } from '@watch-hub/hub/delivery/secrets'
import { type Fleet, startFleet } from '@watch-hub/hub/fleet/fleet'
import { startServer } from '@watch-hub/hub/http/server'
import { createStore, type FrontSettings } from '@watch-hub/hub/store/front'
import type { Store } from '@watch-hub/hub/store/store'
import { release } from '@watch-hub/shared/protocol/version'
import type { Log } from '@watch-hub/shared/runtime/log'
import { openCrashable } from './store-link.ts'
import { type Clock, shortSleep } from './time.ts'

export interface HubProcessSettings {
  readonly file: string
  readonly log: Log
  readonly clock: Clock
  readonly store: FrontSettings
}

export interface HubProcess extends AsyncDisposable {
  /** Where agents reach it. */
  readonly port: number
  readonly store: Store
  readonly delivery: Delivery
  readonly fleet: Fleet
  /** The order of hub.ts: no frame arrives whose routes are unknown. */
  follow(snapshot: Snapshot): Promise<void>
  /** Crash: nothing is sent or written any more. Connections have to be cut by whoever holds them. */
  kill(): Promise<void>
}

/** Resolves when it listens, following `snapshot`. */
export async function startHubProcess(settings: HubProcessSettings, snapshot: Snapshot | undefined): Promise<HubProcess> {
  const { file, log, clock } = settings
  await using scope = new AsyncDisposableStack()
  const link = openCrashable({ file, now: clock.now })
  const store = scope.use(createStore(link, { ...settings.store, log, sleep: shortSleep }))
  const secrets = scope.use(startSecrets({ log }, { env: {} }))
  const delivery = scope.use(
    startDelivery(
      { store, secrets, egress: createEgress(['127.0.0.0/8']), log, now: clock.now, sleep: shortSleep },
      { release, allowInsecureCredentials: true, graceMs: 0 },
    ),
  )
  const fleet = scope.use(startFleet({ store, log, now: clock.now }))
  const follow = async (next: Snapshot) => {
    await store.activate(activationOf(next))
    delivery.follow(next)
    fleet.assign(next)
  }
  if (snapshot !== undefined) await follow(snapshot)
  const agents = { join: fleet.join, upgrade: fleet.door.upgrade }
  const server = scope.use(await startServer({ agents, log }, { listen: { host: '127.0.0.1', port: 0 }, graceMs: 20 }))
  const owned = scope.move()
  return {
    port: server.port,
    store,
    delivery,
    fleet,
    follow,
    kill: async () => {
      link.kill()
      await owned.disposeAsync()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
