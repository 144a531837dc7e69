/**
 * Says when a watch is to be closed because the kind's audit is due: in the first moment in which nothing comes, so that what the server has
 * sent already is taken from the watch, and the list finds only what no watch told. Under a constant stream of events it does not wait for ever:
 * then the list also finds what changed between the end of the watch and its own moment, some milliseconds, and that counts as a correction.
 */
import { after } from '@watch-hub/shared/runtime/sleep'

export interface AuditTimer extends Disposable {
  /** An event came, and is being taken. */
  busy(): void
  /** It was taken: the next one is waited for. */
  idle(): void
}

export interface AuditTimerSettings {
  readonly dueInMs: number
  /** Nothing came for so long. */
  readonly quietMs: number
  /** Longest wait for that. */
  readonly patienceMs: number
  /** Called at most once, and not after the timer was disposed. */
  readonly close: () => void
}

export function auditTimer({ dueInMs, quietMs, patienceMs, close }: AuditTimerSettings): AuditTimer {
  let due = false
  let late = false
  let waits = true
  let quiet: Disposable | undefined
  let patience: Disposable | undefined
  const end = () => {
    due = false
    close()
  }
  const look = () => {
    if (!due || !waits) return
    if (late) end()
    else quiet = after(quietMs, end)
  }
  const audit = after(dueInMs, () => {
    due = true
    patience = after(patienceMs, () => {
      late = true
    })
    look()
  })
  return {
    busy: () => {
      waits = false
      quiet?.[Symbol.dispose]()
    },
    idle: () => {
      waits = true
      look()
    },
    [Symbol.dispose]: () => {
      for (const each of [audit, quiet, patience]) each?.[Symbol.dispose]()
    },
  }
}
