/**
 * What two watches may not do to one endpoint: send it one kind of one cluster in two projections, or attach one key with two values.
 * Paused watches do nothing, so they are in nobody's way.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { WatchConfig } from '../model.ts'
import type { FieldPath } from '../place.ts'
import { placeText } from '../problems.ts'
import { streamsOf } from '../streams.ts'

export type ReportPair = (watch: WatchConfig, path: FieldPath, message: string) => void

/** Where watches meet: one kind of one cluster, told to one endpoint. */
interface Meeting {
  readonly stream: string
  readonly first: WatchConfig
  /** By key of `attach`: who attached it first, and a hash of the value. */
  readonly attached: Map<string, { readonly watch: WatchConfig; readonly value: string }>
}

/** Reports each conflict once per pair of watches and endpoint, however many clusters and kinds they meet in, at the later watch. */
export function checkPairs(watches: readonly WatchConfig[], report: ReportPair): void {
  const meetings = new Map<string, Meeting>()
  const reportOnce = oncePerPair(report)
  for (const watch of watches.filter(({ paused }) => !paused)) {
    const attach = Object.entries(watch.attach).map(([key, value]) => ({ key, value: contentHash(value) }))
    for (const { id, ...ref } of streamsOf(watch))
      for (const cluster of watch.clusters)
        for (const endpoint of watch.endpoints) {
          const place = `${endpoint}/${cluster}/${resourceName(ref)}`
          const meeting = meetings.get(place) ?? { stream: id, first: watch, attached: new Map() }
          meetings.set(place, meeting)
          const where = `${resourceName(ref)} of cluster ${cluster} for endpoint ${endpoint}`
          if (meeting.stream !== id)
            reportOnce(
              { watch, other: meeting.first, endpoint },
              ['spec', 'fields'],
              (pair) => `expected ${where} in one projection (version, fields, includeSecretData), got two, from ${pair}`,
            )
          for (const { key, value } of attach) {
            const known = meeting.attached.get(key) ?? { watch, value }
            meeting.attached.set(key, known)
            if (known.value !== value)
              reportOnce(
                { watch, other: known.watch, endpoint },
                ['spec', 'attach', key],
                (pair) => `expected one value of '${key}' on ${where}, got two, from ${pair}`,
              )
          }
        }
  }
}

interface Pair {
  readonly watch: WatchConfig
  readonly other: WatchConfig
  readonly endpoint: string
}

function oncePerPair(report: ReportPair) {
  const told = new Set<string>()
  return ({ watch, other, endpoint }: Pair, path: FieldPath, message: (pair: string) => string): void => {
    const key = JSON.stringify([watch.name, other.name, endpoint, path])
    if (told.has(key)) return
    told.add(key)
    report(watch, path, message(`watch ${other.name} (${placeText(other.at)}) and watch ${watch.name}`))
  }
}
