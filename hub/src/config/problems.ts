/** Collects what is wrong, all of it, so that people can mend it in one go. */
import type { ConfigProblem, SourceRef } from './model.ts'
import type { Manifest } from './parse.ts'
import { type FieldPath, pathText } from './place.ts'

export interface Problems {
  /** `message` is a whole sentence, `expected …, got …`. `part` = whether the field's name or its value is shown as the place. */
  add(manifest: Manifest, path: FieldPath, message: string, part?: 'key' | 'value'): void
  all(): readonly ConfigProblem[]
}

export function collectProblems(earlier: readonly ConfigProblem[]): Problems {
  const found: ConfigProblem[] = [...earlier]
  return {
    add: (manifest, path, message, part) => {
      found.push({ ...manifest.place(path, part), path: pathText(path), message })
    },
    all: () => found.toSorted(byPlace),
  }
}

/** By file, line and column. */
function byPlace(a: SourceRef, b: SourceRef): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}

/** `watches/a.yaml:3`, for sentences that name another place. */
export const placeText = ({ file, line }: SourceRef): string => `${file}:${line}`
