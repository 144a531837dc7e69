/** A hold in words, with what ends it. */
import type { Hold } from './detail.ts'

const holdWords: Readonly<Record<Hold['cause'], string>> = {
  git: 'paused in Git by',
  operator: 'paused by',
  gone: "held until 'watch-hub endpoint resume' or another url, because nobody is there any more, by",
  guard: "held until 'watch-hub endpoint resume', because a commit would report too many deletions, by",
}

export const holdText = ({ cause, by, reason }: Hold): string =>
  `${holdWords[cause]} ${by}${reason === undefined ? '' : `: ${reason}`}`
