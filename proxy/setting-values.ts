/**
 * How the text of an environment variable becomes a value. Each parser throws an `Error` whose message is what
 * was expected; `settings.ts` adds the variable's name and what was found.
 */
import { isIP } from 'node:net'

export interface HostPort {
  readonly host: string
  /** 0: the system picks a free one. */
  readonly port: number
}

export type Parse<T> = (text: string) => T

const expected = (what: string): never => {
  throw new Error(what)
}

export const text: Parse<string> = value => value

/** A DNS label, or labels with dots, or `service/workload`: names of the mesh document. */
export const name: Parse<string> = value =>
  /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$/.test(value) && value.length <= 253
    ? value
    : expected('a name in lower case such as "payments" or "payments/v1"')

export const label: Parse<string> = value =>
  /^[\w.:/-]{1,64}$/.test(value) ? value : expected('at most 64 letters, digits or any of ". _ : / -"')

export const port: Parse<number> = value => {
  const n = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN
  return n <= 65535 ? n : expected('a port between 0 and 65535 (0: a free one)')
}

export const ipAddress: Parse<string> = value =>
  isIP(value) === 0 ? expected('an IP address such as 10.0.1.7') : value

/** `127.0.0.1:15006` or `[::1]:15006`. */
export const hostPort: Parse<HostPort> = value => {
  const what = 'an IP address and a port such as 0.0.0.0:15006 or [::]:15006'
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(value) ?? expected(what)
  const host = parts[1] ?? parts[2] ?? ''
  return isIP(host) === 0 ? expected(what) : { host, port: port(parts[3] ?? '') }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

export const durationMs: Parse<number> = value => {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value)
  const ms = Number(parts?.[1]) * (UNIT_MS[parts?.[2] ?? ''] ?? Number.NaN)
  return Number.isFinite(ms) ? ms : expected('a duration such as 250ms, 5s or 1m')
}

export const seconds =
  (least: number, most: number): Parse<number> =>
  value => {
    const n = value.endsWith('s') && !value.endsWith('ms') ? durationMs(value) / 1000 : Number.NaN
    return Number.isInteger(n) && n >= least && n <= most
      ? n
      : expected(`whole seconds between ${least}s and ${most}s`)
  }

export const count =
  (least: number, most = Number.MAX_SAFE_INTEGER): Parse<number> =>
  value => {
    const n = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
    return n >= least && n <= most ? n : expected(`a whole number of at least ${least}`)
  }

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

export const bytes: Parse<number> = value => {
  const parts = /^(\d{1,12})(B|KiB|MiB|GiB)?$/.exec(value)
  return parts === null
    ? expected('a size such as 65536, 64KiB or 1MiB')
    : Number(parts[1]) * (UNIT_BYTES[parts[2] ?? ''] as number)
}

export const httpUrl: Parse<URL> = value => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')
    ? url
    : expected('a URL such as http://127.0.0.1:4318')
}

/** Tokens travel there. */
export const httpsUrl: Parse<URL> = value => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url?.protocol === 'https:'
    ? url
    : expected('an https URL such as https://control.shop.internal:9443')
}

export const oneOf =
  <const T extends string>(...choices: readonly T[]): Parse<T> =>
  value =>
    choices.find(choice => choice === value) ?? expected(`one of ${choices.map(c => `"${c}"`).join(', ')}`)

/** `a=1,b=2`, each side with its own parser; a key may stand once. */
export const pairs =
  <K, V>(key: Parse<K>, value: Parse<V>, example: string): Parse<ReadonlyMap<K, V>> =>
  list => {
    const map = new Map<K, V>()
    for (const item of list.split(',').filter(part => part.trim() !== '')) {
      const [left, right, ...rest] = item.trim().split('=')
      if (left === undefined || right === undefined || rest.length > 0) {
        return expected(`a list such as ${example}; "${item.trim()}" is not of the form key=value`)
      }
      const parsed = key(left)
      if (map.has(parsed)) return expected(`each key once; "${left}" stands twice`)
      map.set(parsed, value(right))
    }
    return map
  }

/** `payments:80`. */
export const servicePort: Parse<string> = value => {
  const parts = /^([^:]+):(\d+)$/.exec(value) ?? expected('service:port such as payments:80')
  return `${name(parts[1] ?? '')}:${port(parts[2] ?? '')}`
}
