/** Manifests for benches, many in one file. */
import { writeFile } from 'node:fs/promises'

export const writeManifests = (file: string, manifests: readonly object[]): Promise<void> =>
  writeFile(file, manifests.map((one) => JSON.stringify({ apiVersion: 'watch-hub.dev/v1alpha1', ...one })).join('\n---\n'))
