/** How the figures are told. */

/** The value below which the share `q` of `values` lies; 0 of none. */
export function quantile(values: readonly number[], q: number): number {
  const ascending = values.toSorted((a, b) => a - b)
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * q))] ?? 0
}

export const perSecond = (count: number, ms: number): number => Math.round((count * 1_000) / ms)
export const ms = (value: number): string => `${value.toFixed(1)} ms`
export const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
