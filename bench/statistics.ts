/** Medians and ratios of noisy figures. */

/** The middle value, or the mean of the two middle ones. Throws on an empty list. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('median: expected at least one value')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** Lowest and highest value. */
export function spread(values: readonly number[]): { readonly lowest: number; readonly highest: number } {
  return { lowest: Math.min(...values), highest: Math.max(...values) }
}

/**
 * Median of the ratios within each round. A machine that slows down slows everybody within a round alike, so
 * these ratios hold still while the absolute figures drift. Undefined when no round has both values.
 */
export function medianRatio(
  values: readonly (number | undefined)[],
  references: readonly (number | undefined)[],
): number | undefined {
  const ratios: number[] = []
  for (const [round, value] of values.entries()) {
    const reference = references[round]
    if (value !== undefined && reference !== undefined && reference > 0) ratios.push(value / reference)
  }
  return ratios.length === 0 ? undefined : median(ratios)
}

/** Rounded to `digits` after the point, as a number. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
