/** The control plane in one process: for `selvage dev`, tests, the demo, and machines without AWS. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import type { Clock } from '../mesh/clock.ts'
import type { Accepted } from '../mesh/protocol.ts'
import { DEFAULT_FRAGMENT, OPERATOR_FILE } from '../mesh/protocol.ts'
import { createApp } from './app.ts'
import { DEFAULT_TTL_SECONDS } from './authority/authority.ts'
import { type EmbeddedAuthority, embeddedAuthority } from './authority/embedded.ts'
import { systemClock } from './clock.ts'
import { type Control, createControl } from './control.ts'
import { registry } from './discovery/registry.ts'
import { streamNotify } from './notify/stream.ts'
import { readOperatorFile, writeOperatorFile } from './operator-file.ts'
import { issueJoinToken } from './route/token.ts'
import { startServer } from './server.ts'
import { memoryStore } from './store/memory.ts'
import { sqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'

export interface ControlPlaneOptions {
  /** The mesh that it serves. */
  readonly meshName: string
  /** Keeps the authority, tokens, fragments, addresses and leases over restarts. @default in memory only */
  readonly stateDir?: string | undefined
  /** @default 127.0.0.1 */
  readonly host?: string | undefined
  /** 0: any free one. @default 0 */
  readonly port?: number | undefined
  /** Never changes for a state directory. @default `<meshName>.internal` */
  readonly trustDomain?: string | undefined
  /** At least a minute. @default 24 hours */
  readonly certificateTtlSeconds?: number | undefined
  /** CIDR of the services' loopback addresses. @default 127.83.0.0/16 */
  readonly addressRange?: string | undefined
  readonly clock?: Clock | undefined
  /** @default silent */
  readonly logger?: Logger | undefined
}

export interface ControlPlane {
  /** Where it listens, such as `https://127.0.0.1:7443`. */
  readonly url: string
  readonly operatorToken: string
  /** Hex SHA-256 of the authority that signs now: what a first connection pins. */
  readonly caSha256: string
  readonly authority: EmbeddedAuthority
  /**
   * A token with which one sidecar of the workload gets its first certificate.
   * @throws Refusal when the mesh has no such workload
   */
  issueJoinToken(workload: string, ttlSeconds?: number): Promise<string>
  /**
   * Publishes a document as the operator, whatever revision is there.
   * @throws Refusal with the violations
   */
  apply(document: unknown, fragment?: string): Promise<Accepted>
  /** Ends streams and connections; idempotent. */
  stop(): Promise<void>
}

const JOIN_TTL_SECONDS = 600

/** @throws Error with one sentence when the address, the state directory or an option cannot be used */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { meshName, stateDir, host = '127.0.0.1', port = 0 } = options
  const trustDomain = options.trustDomain ?? `${meshName}.internal`
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? pino({ level: 'silent' })
  const certificateTtlSeconds = options.certificateTtlSeconds ?? DEFAULT_TTL_SECONDS
  const store = openStore(stateDir)
  const closing: (() => void | Promise<void>)[] = [() => store.close()]
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close()
  }
  try {
    const authority = await embeddedAuthority({
      trustDomain,
      clock,
      overlapSeconds: certificateTtlSeconds,
      ...(stateDir !== undefined && { path: join(stateDir, 'authority.json') }),
    })
    const onError = (error: unknown) => logger.error({ err: error }, 'work in the background failed')
    const leases = await registry({ store, mesh: meshName, clock, onError })
    closing.push(() => leases.close())
    const { addressRange } = options
    const control = createControl({
      mesh: meshName,
      store,
      registry: leases,
      authority,
      notify: streamNotify(),
      clock,
      logger,
      certificateTtlSeconds,
      addressRange,
    })
    const kept = stateDir === undefined ? undefined : readOperatorFile(join(stateDir, OPERATOR_FILE))
    const operatorToken = await control.operatorTokens.ensure(kept?.token)
    const caSha256 = async () => (await authority.trust())[0]!.sha256
    const writeAccess = async (): Promise<void> => {
      if (stateDir === undefined) return
      const access = { url: server.url, mesh: meshName, token: operatorToken, caSha256: await caSha256() }
      writeOperatorFile(join(stateDir, OPERATOR_FILE), access)
    }
    closing.push(() => control.close())
    const server = await startServer({ app: createApp(control), control, host, port, renewed: writeAccess })
    closing.push(() => {
      // Open streams would keep the server waiting.
      control.close()
      return server.close()
    })
    await writeAccess()
    return {
      url: server.url,
      operatorToken,
      caSha256: await caSha256(),
      authority,
      stop,
      ...actions(control),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What the process that embeds it may do without a token. */
function actions(control: Control): Pick<ControlPlane, 'apply' | 'issueJoinToken'> {
  return {
    async issueJoinToken(workload, ttlSeconds = JOIN_TTL_SECONDS) {
      return (await issueJoinToken(control, workload, ttlSeconds)).token
    },
    async apply(document, fragment = DEFAULT_FRAGMENT) {
      const { head } = await control.models.current()
      const ifMatch = head?.fragments.has(fragment) === true ? '*' : undefined
      const precondition = { ifMatch, ifNoneMatch: undefined }
      return control.publishing.put({ kind: 'operator' }, fragment, document, precondition)
    },
  }
}

function openStore(stateDir: string | undefined): Store {
  if (stateDir === undefined) return memoryStore()
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`cannot use the state directory ${stateDir}: ${reason}`)
  }
  return sqliteStore({ path: join(stateDir, 'control.sqlite') })
}
