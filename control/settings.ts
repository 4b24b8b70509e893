/** The control plane's settings from the environment, all mistakes at once. */
import { DURATION_EXPECTED, parseDuration } from '../mesh/duration.ts'
import { domainSchema, labelSchema } from '../mesh/name.ts'
import { parseAddressRange } from './address-pool.ts'
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from './authority/authority.ts'
import type { ControlPlaneOptions } from './embedded.ts'

const DEFAULT_ADDRESS = '127.0.0.1:7443'

type Environment = Readonly<Record<string, string | undefined>>

/** The environment cannot be used; the message lists every variable that is wrong. */
export class SettingsInvalid extends Error {
  readonly code = 'SETTINGS_INVALID'
}

/** @throws SettingsInvalid */
export function readSettings(env: Environment): ControlPlaneOptions {
  const problems: string[] = []
  const read = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const text = env[name]
    if (text === undefined || text === '') return undefined
    try {
      return parse(text)
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  const meshName = read('SELVAGE_MESH', parseLabel)
  if (meshName === undefined && !env.SELVAGE_MESH) {
    problems.push('SELVAGE_MESH: it is not set, expected the name of the mesh')
  }
  const address = read('SELVAGE_CONTROL_ADDRESS', parseAddress) ?? parseAddress(DEFAULT_ADDRESS)
  const settings = {
    meshName: meshName ?? '',
    ...address,
    stateDir: env.SELVAGE_STATE_DIR || undefined,
    trustDomain: read('SELVAGE_TRUST_DOMAIN', parseDomain),
    certificateTtlSeconds: read('SELVAGE_CERTIFICATE_TTL', parseTtl),
    addressRange: read('SELVAGE_ADDRESS_RANGE', text => parseAddressRange(text).text),
  }
  if (problems.length > 0) throw new SettingsInvalid(problems.join('; '))
  return settings
}

function parseLabel(text: string): string {
  if (labelSchema.safeParse(text).success) return text
  throw new Error(`found "${text}", expected a DNS label such as "shop"`)
}

function parseDomain(text: string): string {
  if (domainSchema.safeParse(text).success) return text
  throw new Error(`found "${text}", expected a DNS name in lower case such as "shop.internal"`)
}

/** `127.0.0.1:7443`, `[::1]:0`, `localhost:7443`. */
function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host !== undefined && port <= 65_535) return { host, port }
  throw new Error(
    `found "${text}", expected host:port such as "${DEFAULT_ADDRESS}"; port 0 takes any free one`,
  )
}

function parseTtl(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`found "${text}", expected ${DURATION_EXPECTED}`)
  const seconds = ms / 1000
  if (seconds >= MIN_TTL_SECONDS && seconds <= MAX_TTL_SECONDS) return seconds
  throw new Error(`found "${text}", expected at least ${MIN_TTL_SECONDS} s and at most ${MAX_TTL_SECONDS} s`)
}
