/**
 * Environment → settings. `setting-variables.ts` is the list, with what each one means and its default; a bad value is
 * one sentence that names the variable, what was found and what was expected, and all of them are reported.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJoinToken } from '../mesh/protocol.ts'
import type { CodecLimits } from './codec/codec.ts'
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './codec/http2/limits.ts'
import type { HostPort } from './setting-values.ts'
import type { Variable } from './setting-variables.ts'
import { VARIABLES } from './setting-variables.ts'

export type { HostPort } from './setting-values.ts'
export { VARIABLES } from './setting-variables.ts'

type Values = {
  [K in keyof typeof VARIABLES]: (typeof VARIABLES)[K] extends Variable<infer T> ? T | undefined : never
}

/** Limits of a listener and of every connection it accepts. */
export interface Limits extends CodecLimits {
  readonly maxConnections: number
  readonly http2: Http2Limits
}

/** What a proxy is told at start and keeps for life. Everything that may change is in the snapshot. */
export interface Settings {
  readonly mesh: string
  readonly workload: string
  readonly control: { readonly url: URL; readonly joinToken: string | undefined } | undefined
  readonly configFile: string | undefined
  readonly identityDir: string | undefined
  readonly stateDir: string | undefined
  readonly instance: string | undefined
  readonly advertiseAddress: string
  readonly inbound: HostPort
  readonly admin: HostPort
  readonly health: HostPort
  readonly interception: 'loopback' | 'explicit'
  /** Keyed `<service>:<port>`. */
  readonly explicitPorts: ReadonlyMap<string, number>
  readonly httpProxyPort: number | undefined
  readonly app: { readonly address: string; readonly ports: ReadonlyMap<number, number> }
  readonly drain: { readonly delayMs: number; readonly timeoutMs: number }
  readonly leaseSeconds: number
  readonly zone: string | undefined
  readonly versionLabel: string | undefined
  readonly logLevel: string
  readonly limits: Limits
  /** Where spans go; undefined: no tracing. */
  readonly otlpTracesUrl: URL | undefined
}

/** Every sentence about the environment that has to be mended. */
export class SettingsError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'SettingsError'
    this.problems = problems
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the environment (and the join token's file). Throws `SettingsError` with every problem at once. Secrets
 * are never quoted.
 */
export function readSettings(env: Environment): Settings {
  const problems: string[] = []
  const values = readValues(env, problems)
  const joinToken = readJoinToken(values, problems)
  if (values.mesh === undefined && !set(env, 'SELVAGE_MESH')) problems.push(missing(VARIABLES.mesh))
  if (values.workload === undefined && !set(env, 'SELVAGE_WORKLOAD'))
    problems.push(missing(VARIABLES.workload))
  if (!set(env, 'SELVAGE_CONTROL_URL')) problems.push(...withoutControl(env))
  if (problems.length > 0) throw new SettingsError(problems)
  return assemble(values, joinToken)
}

/** Names in the environment that look like ours and are not: usually a slip of the pen. */
export function unknownVariables(env: Environment): string[] {
  const known = new Set<string>(Object.values(VARIABLES).map(({ name }) => name))
  return Object.keys(env).filter(name => name.startsWith('SELVAGE_') && !known.has(name))
}

const set = (env: Environment, name: string): boolean => (env[name] ?? '') !== ''

const missing = ({ name, meaning }: Variable<unknown>): string => `${name}: it is not set. ${meaning}`

function readValues(env: Environment, problems: string[]): Values {
  const values: Record<string, unknown> = {}
  for (const [key, { name, fallback, parse }] of Object.entries(VARIABLES) as [string, Variable<unknown>][]) {
    const found = set(env, name) ? env[name] : fallback
    if (found === undefined) continue
    try {
      values[key] = parse(found)
    } catch (error) {
      problems.push(`${name}: found "${found.slice(0, 100)}", expected ${(error as Error).message}`)
    }
  }
  return values as Values
}

function readJoinToken(values: Values, problems: string[]): string | undefined {
  const fromFile = values.joinToken === undefined ? values.joinTokenFile : undefined
  let token = values.joinToken
  try {
    if (fromFile !== undefined) token = readFileSync(fromFile, 'utf8').trim()
    if (token === undefined) return undefined
    const { mesh, workload } = parseJoinToken(token)
    if (values.mesh !== undefined && values.workload !== undefined) {
      if (mesh !== values.mesh || workload !== values.workload) {
        problems.push(
          `SELVAGE_JOIN_TOKEN: it is for ${workload} of mesh ${mesh}, expected one for ${values.workload} of mesh ${values.mesh}`,
        )
      }
    }
  } catch (error) {
    // A token works once, and who handed it over may have taken it away since.
    if (isGone(error) && hasIdentity(values.stateDir)) return undefined
    const name = fromFile === undefined ? 'SELVAGE_JOIN_TOKEN' : `SELVAGE_JOIN_TOKEN_FILE: ${fromFile}`
    problems.push(`${name}: ${(error as Error).message}`)
  }
  return token
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

const hasIdentity = (stateDir: string | undefined): boolean =>
  stateDir !== undefined && existsSync(join(stateDir, 'identity.json'))

function withoutControl(env: Environment): string[] {
  const instead = [VARIABLES.configFile.name, VARIABLES.identityDir.name].filter(name => !set(env, name))
  return instead.length === 0
    ? []
    : [`SELVAGE_CONTROL_URL: it is not set, and without a control plane ${instead.join(' and ')} must be`]
}

function assemble(values: Values, joinToken: string | undefined): Settings {
  // Variables with a default always have a value here, and the required ones were checked.
  const v = values as { [K in keyof Values]: NonNullable<Values[K]> }
  const endpoint = values.otlpEndpoint
  return {
    mesh: v.mesh,
    workload: v.workload,
    control: values.controlUrl && { url: values.controlUrl, joinToken },
    configFile: values.configFile,
    identityDir: values.identityDir,
    stateDir: values.stateDir,
    instance: values.instance,
    advertiseAddress: v.advertiseAddress,
    inbound: v.inbound,
    admin: { host: '127.0.0.1', port: v.adminPort },
    health: v.health,
    interception: v.interception,
    explicitPorts: v.explicitPorts,
    httpProxyPort: values.httpProxyPort,
    app: { address: v.appAddress, ports: v.appPorts },
    drain: { delayMs: v.drainDelayMs, timeoutMs: v.drainTimeoutMs },
    leaseSeconds: v.leaseSeconds,
    zone: values.zone,
    versionLabel: values.versionLabel,
    logLevel: v.logLevel,
    limits: {
      maxConnections: v.maxConnections,
      maxHeaderBytes: v.maxHeaderBytes,
      maxHeaderCount: v.maxHeaderCount,
      maxLineBytes: v.maxLineBytes,
      maxBodyBytes: v.maxBodyBytes,
      maxReadAheadBytes: v.maxReadAheadBytes,
      headerTimeoutMs: v.headerTimeoutMs,
      bodyIdleTimeoutMs: v.bodyIdleTimeoutMs,
      keepAliveTimeoutMs: v.keepAliveTimeoutMs,
      http2: {
        ...DEFAULT_HTTP2_LIMITS,
        maxConcurrentStreams: v.http2MaxStreams,
        maxConnectionWindowBytes: v.http2MaxWindowBytes,
        maxResets: v.http2MaxResets,
        maxIdleFrames: v.http2MaxIdleFrames,
        pingAfterMs: v.http2PingAfterMs,
      },
    },
    otlpTracesUrl:
      values.otlpTracesEndpoint ?? (endpoint && new URL(`${endpoint.href.replace(/\/$/, '')}/v1/traces`)),
  }
}
