/** What the copier tells its parent when it is done. */
import { type Decoded, integer, object, string, union } from '@watch-hub/shared/protocol/decode'

export const copied = union({
  copied: object({ bytes: integer }),
  'no-room': object({ message: string }),
  failed: object({ message: string }),
})
export type Copied = Decoded<typeof copied>
