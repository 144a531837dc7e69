/** One step of a schedule: plain data, so that it can be printed, dropped and run again. A step that does not fit the moment does nothing. */
import type { ClusterName, ConfigChange, EndpointName } from './config.ts'

/** What the generator chooses of an object; the rest follows from kind and name. */
export interface Shape {
  /** Label `tier`; "" = none. */
  readonly tier: string
  readonly level: string
  /** Makes content unique; absent = as it was, so that earlier content can come again. */
  readonly rev?: number
  /** Pruned by some projections. */
  readonly noise: number
}

interface OnObject {
  readonly cluster: ClusterName
  readonly resource: string
  readonly namespace: string
  readonly name: string
}

export type ObjectStep = OnObject &
  (
    | { readonly do: 'put'; readonly shape: Shape }
    | { readonly do: 'delete'; readonly silently?: boolean }
    /** Deleted and created under the same name in one moment. */
    | { readonly do: 'replace'; readonly shape: Shape; readonly silently?: boolean }
  )

export type ServerStep = { readonly cluster: ClusterName } & (
  | { readonly do: 'label-namespace'; readonly namespace: string; readonly env: string }
  | { readonly do: 'cut'; readonly when: 'now' | 'mid-event'; readonly resource?: string }
  | { readonly do: 'cut-inside'; readonly text: string }
  | { readonly do: 'end'; readonly resource?: string }
  | { readonly do: 'stall' | 'resume' | 'refuse' | 'restore' | 'bookmarks' | 'audit' }
  | { readonly do: 'compact'; readonly as: 'event' | 'status' }
  | {
      readonly do: 'fail'
      readonly verb: 'list' | 'watch'
      readonly resource?: string
      readonly how: Readonly<Record<string, number | boolean | string>>
      readonly times: number
    }
  /** 410 on the second page of the next list. */
  | { readonly do: 'expire-page' }
  | { readonly do: 'split'; readonly bytes: number }
  | { readonly do: 'forbid' | 'allow'; readonly resource: string }
  | { readonly do: 'backup' | 'restore-backup' }
  | { readonly do: 'remove-kind' | 'add-kind' }
  | { readonly do: 'serve-in'; readonly versions: readonly [string, ...string[]] }
)

export type ProcessStep =
  | { readonly do: 'agent'; readonly cluster: ClusterName; readonly act: 'kill' | 'start' | 'another' }
  | { readonly do: 'link'; readonly cluster: ClusterName; readonly act: 'cut' | 'hold' | 'resume' }
  | { readonly do: 'hub'; readonly act: 'kill' | 'stop' | 'start' | 'copy' | 'restore' | 'lose' }
  | { readonly do: 'clock'; readonly of: 'hub' | ClusterName; readonly wrongMs: number }

export type OtherStep =
  | { readonly do: 'receiver'; readonly name: EndpointName; readonly mode: ReceiverMode }
  | { readonly do: 'resync'; readonly name: EndpointName; readonly dropBacklog: boolean }
  | { readonly do: 'commit'; readonly change: ConfigChange }
  | { readonly do: 'wait'; readonly turns: number; readonly ms: number }
  /** All faults end, everything becomes quiet, and the oracle looks. */
  | { readonly do: 'check' }

/**
 * `taken-*`: the receiver keeps what it was sent although the sender does not learn so. With a name of an object: a request that has one of that
 * name is refused (400) or breaks it (500); it is named in the answer, to be tried again or not. `one-*`: only requests with one event are taken.
 */
export type ReceiverMode =
  | 'ok'
  | '500'
  | '429'
  | 'reset'
  | 'hang'
  | 'slow'
  | 'late'
  | 'taken-500'
  | 'taken-reset'
  | 'taken-hang'
  | 'refuses-two'
  | 'breaks-on-four'
  | 'names-three'
  | 'gives-up-one'
  | 'one-413'
  | 'one-400'

export type Step = ObjectStep | ServerStep | ProcessStep | OtherStep

export const printed = (step: Step): string => JSON.stringify(step)
