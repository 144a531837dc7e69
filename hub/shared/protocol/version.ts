/**
 * Protocol versions of the link. A hub speaks with agents of its own minor version and one below or above.
 *
 * 1 is not released: until it is, its shapes change without another number.
 *
 * 1  join, hello, plan, frames, index; checksums of streams, reload, generations of the hub's database, audits;
 *    trace contexts and times of changes, explain
 */
export const protocolVersion = 1
/** Oldest version that this side still speaks. */
export const oldestProtocol = 1

/** The highest version both sides speak, or why there is none. */
export function agreeOn(other: {
  readonly protocol: number
  readonly oldest: number
}): { readonly version: number } | { readonly problem: string } {
  const version = Math.min(protocolVersion, other.protocol)
  if (version >= oldestProtocol && version >= other.oldest) return { version }
  return {
    problem: `expected protocol ${oldestProtocol}–${protocolVersion}, the other side speaks ${other.oldest}–${other.protocol}: upgrade ${other.protocol < oldestProtocol ? 'the other side' : 'this side'}`,
  }
}

/** Release of this build, shown in status and logs. */
export const release = '0.1.0'
