/** Room on the disk that the store is on: how much there is, and how much has to stay free. */
import { statfs } from 'node:fs/promises'

export interface DiskSpace {
  /** Bytes of the file system, and of those the ones that this process may still use. */
  readonly total: number
  readonly available: number
}

/** What has to stay free: a share of the file system, 0 to 1, or bytes. */
export type MinFree = { readonly share: number } | { readonly bytes: number }

/** Asks the file system of a folder. Rejects when the folder is gone. */
export const spaceOf = (dir: string) => async (): Promise<DiskSpace> => {
  const { bsize, blocks, bavail } = await statfs(dir)
  return { total: bsize * blocks, available: bsize * bavail }
}

export const minFreeBytes = (min: MinFree, { total }: Pick<DiskSpace, 'total'>): number =>
  'share' in min ? Math.ceil(total * min.share) : min.bytes

const units = ['Ki', 'Mi', 'Gi', 'Ti'] as const

/** For people: `3.9Gi`. */
export function readableBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length)
  const unit = units[power - 1]
  return unit === undefined ? `${bytes} bytes` : `${Number((bytes / 1024 ** power).toFixed(1))}${unit}`
}
