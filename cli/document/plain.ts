/**
 * The first place in a value that JSON would lose or distort without a word: functions, class instances, `NaN`,
 * big integers, cycles. `undefined` is fine: it means that the key is not given.
 */
export function unplainPath(root: unknown): { readonly path: string; readonly found: string } | undefined {
  const open = new Set<object>()
  const visit = (value: unknown, path: string): { path: string; found: string } | undefined => {
    const found = unplain(value)
    if (found !== undefined) return { path: path === '' ? 'the default export' : path, found }
    if (typeof value !== 'object' || value === null) return undefined
    if (open.has(value)) return { path, found: 'a reference to something that contains it' }
    open.add(value)
    for (const [key, child] of Object.entries(value)) {
      const wrong = visit(child, join(path, key, Array.isArray(value)))
      if (wrong !== undefined) return wrong
    }
    open.delete(value)
    return undefined
  }
  return visit(root, '')
}

const join = (path: string, key: string, inArray: boolean): string =>
  inArray ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`

function unplain(value: unknown): string | undefined {
  switch (typeof value) {
    case 'function':
      return 'a function'
    case 'bigint':
      return `the big integer ${value}n`
    case 'symbol':
      return 'a symbol'
    case 'number':
      return Number.isFinite(value) ? undefined : String(value)
    case 'object':
      return value === null || Array.isArray(value) || isPlain(value)
        ? undefined
        : `a ${value.constructor?.name ?? 'special object'}`
    default:
      return undefined
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
