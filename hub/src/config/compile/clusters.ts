/** Clusters, and which of them a choice by names and labels means. */
import { compileGlobs } from '@watch-hub/shared/pipeline/glob'
import { compileLabelSelector } from '@watch-hub/shared/pipeline/selector'
import type { ClusterConfig } from '../model.ts'
import type { ClusterChoice, ClusterManifest } from '../schema.ts'
import type { Declared } from './declared.ts'

export const clusterConfig = ({ manifest, value }: Declared<ClusterManifest>): ClusterConfig => ({
  name: value.metadata.name,
  labels: value.metadata.labels ?? {},
  attach: value.spec?.attach ?? {},
  paused: value.spec?.paused ?? false,
  at: manifest.at,
})

/** Names of the clusters that are meant, sorted. Absent parts mean all; both parts have to hold. */
export function chosenClusters(choice: ClusterChoice, clusters: readonly ClusterConfig[]): readonly string[] {
  const named = choice.names === undefined ? () => true : compileGlobs(choice.names)
  const selected = choice.selector === undefined ? () => true : compileLabelSelector(choice.selector)
  return clusters
    .filter(({ name, labels }) => named(name) && selected(labels))
    .map(({ name }) => name)
    .sort()
}
