/**
 * JSON Merge Patch (RFC 7396): `null` takes a field away, an object is merged into, anything else replaces. Pure; inputs are shared, never
 * written to. A key `__proto__` is data like any other.
 *
 * A merge patch cannot say everything: no field of it can become `null`, nor an object that holds one. So `mergePatch` answers only where
 * `applyMergePatch` gives back exactly what it was asked for.
 */
import { isRecord } from '../protocol/decode.ts'

type Fields = Readonly<Record<string, unknown>>

/** What makes `after` out of `before`; undefined where a merge patch cannot say it. Both are JSON values. */
export function mergePatch(before: unknown, after: unknown): unknown {
  const patch = isRecord(before) && isRecord(after) ? fieldsPatch(before, after) : after
  return sameJson(applyMergePatch(before, patch), after) ? patch : undefined
}

export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const merged = new Map(isRecord(target) ? Object.entries(target) : [])
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) merged.delete(key)
    else merged.set(key, applyMergePatch(merged.get(key), change))
  }
  return Object.fromEntries(merged)
}

/** Equal as JSON: the order of an object's keys does not count. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => sameJson(each, b[i]))
  if (!isRecord(a) || !isRecord(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
}

function fieldsPatch(before: Fields, after: Fields): Fields {
  const changes: [key: string, change: unknown][] = []
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) changes.push([key, null])
  for (const [key, value] of Object.entries(after)) {
    const held = Object.hasOwn(before, key) ? before[key] : undefined
    if (isRecord(held) && isRecord(value)) {
      const inner = fieldsPatch(held, value)
      if (Object.keys(inner).length > 0) changes.push([key, inner])
    } else if (!sameJson(held, value)) changes.push([key, value])
  }
  return Object.fromEntries(changes)
}
