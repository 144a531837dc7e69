/** The clock of spans: ms since 1970 with fractions. A span's length is measured by a clock that never goes back; its start is the wall's. */
export interface Stopwatch {
  readonly start: number
  /** Where the span ends if it ends now. */
  end(): number
}

export function stopwatch(): Stopwatch {
  const start = Date.now()
  const began = performance.now()
  return { start, end: () => start + (performance.now() - began) }
}
