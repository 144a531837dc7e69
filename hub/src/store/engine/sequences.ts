/** Many sequences as short text: sorted, the first one, then by how much each differs from the one before. Their order is not kept. */
import { array, type Decoder, integer } from '@watch-hub/shared/protocol/decode'
import type { Sequence } from '../store.ts'
import { jsonText } from './columns.ts'

export function sequencesText(sequences: readonly Sequence[]): string {
  const sorted = sequences.toSorted((a, b) => a - b)
  return JSON.stringify(sorted.map((each, i) => each - (sorted[i - 1] ?? 0)))
}

const steps = jsonText(array(integer))

export const sequencesOf: Decoder<readonly Sequence[]> = {
  shape: steps.shape,
  decode: (value, path) => {
    let at = 0
    return steps.decode(value, path).map((step) => {
      at += step
      return at
    })
  },
}
