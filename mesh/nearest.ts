/** The valid name that a misspelt one most likely stands for. */

/** Edits of Damerau and Levenshtein (insert, delete, replace, swap neighbours) from one text to the other. */
export function editDistance(from: string, to: string): number {
  const width = to.length + 1
  const rows = [Array.from({ length: width }, (_, column) => column)]
  for (let row = 1; row <= from.length; row++) {
    const [above, before] = [rows[row - 1]!, rows[row - 2]]
    const current = [row]
    for (let column = 1; column < width; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1)
      let best = Math.min(above[column]! + 1, current[column - 1]! + 1, replaced)
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (swapped && before !== undefined) best = Math.min(best, before[column - 2]! + 1)
      current.push(best)
    }
    rows.push(current)
  }
  return rows[from.length]![to.length]!
}

/** Longer names are not compared: what people write by hand is shorter, and comparing costs the product of lengths. */
const MAX_LENGTH = 128

/** The nearest of the valid names; undefined when none is near enough to be what was meant. */
export function nearest(found: string, valid: Iterable<string>): string | undefined {
  if (found.length > MAX_LENGTH) return undefined
  const tolerated = Math.max(2, Math.floor(found.length / 3))
  let best: string | undefined
  let bestDistance = tolerated + 1
  for (const name of valid) {
    if (Math.abs(name.length - found.length) >= bestDistance) continue
    const distance = editDistance(found.toLowerCase(), name.toLowerCase())
    if (distance < bestDistance && distance < Math.max(found.length, name.length)) {
      best = name
      bestDistance = distance
    }
  }
  return best
}

/** `; did you mean "payments"?`, or nothing. */
export function suggestion(found: string, valid: Iterable<string>): string {
  const name = nearest(found, valid)
  return name === undefined ? '' : `; did you mean ${JSON.stringify(name)}?`
}

const MAX_LISTED = 10

/** `"a", "b" or "c"`, cut when there are many. */
export function oneOfNames(valid: Iterable<string>): string {
  const names = [...valid].map(name => JSON.stringify(name))
  if (names.length === 0) return 'none: there are no names yet'
  if (names.length > MAX_LISTED)
    return `one of ${names.slice(0, MAX_LISTED).join(', ')} and ${names.length - MAX_LISTED} more`
  return names.length === 1 ? names[0]! : `one of ${names.join(', ')}`
}
