/** What a process holds now, and held at most. Linux only: read from /proc. */
import { readFile } from 'node:fs/promises'
import { mb } from './numbers.ts'

export interface Memory {
  readonly now: number
  readonly peak: number
}

export async function memoryOf(pid: number | undefined): Promise<Memory> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'))?.[1]) * 1_024
  return { now: field('VmRSS'), peak: field('VmHWM') }
}

export const told = ({ now, peak }: Memory): string => `${mb(now)} now, ${mb(peak)} at most`
