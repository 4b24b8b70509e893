/** An authority whose key is on disk, or in memory only: for laptops and tests. */
import { createPrivateKey, KeyObject } from 'node:crypto'
import type { Clock } from '../../mesh/clock.ts'
import { type Authority, checkIssue, DEFAULT_TTL_SECONDS, type TrustRoot } from './authority.ts'
import { createLeaf, createRoot, notAfterOf, P256, sha256Of } from './certificate.ts'
import { publicKeyOfCsr } from './csr.ts'
import { RootFileUnusable, type RootRecord, readRootFile, writeRootFile } from './root-file.ts'

export interface EmbeddedAuthorityOptions {
  readonly trustDomain: string
  readonly clock: Clock
  /** File of the roots and their keys, created with mode 0600. @default in memory only */
  readonly path?: string
  /**
   * How long a new root is trusted before it signs: everybody renews within the lifetime of a certificate and
   * learns of the root with it. @default 24 hours
   */
  readonly overlapSeconds?: number
}

export interface EmbeddedAuthority extends Authority {
  /** Adds a root that is trusted at once and signs after the overlap. Throws while another rotation is under way. */
  rotate(): Promise<TrustRoot>
  /** Ends the trust in a root that does not sign. Throws for the one that does, and for an unknown one. */
  drop(sha256: string): Promise<void>
}

/** A record with what is read from it once. */
interface Root extends Omit<TrustRoot, 'signing'> {
  readonly record: RootRecord
  readonly signingKey: CryptoKey
}

const BACKDATE_MAX_MS = 60_000
const MAX_ROOTS = 2

/** @throws RootFileUnusable when the file is damaged, readable by others or of another trust domain */
export async function embeddedAuthority(options: EmbeddedAuthorityOptions): Promise<EmbeddedAuthority> {
  const { trustDomain, clock, path } = options
  const overlapMs = (options.overlapSeconds ?? DEFAULT_TTL_SECONDS) * 1000
  let roots = await loadRoots(options)

  const save = (next: readonly Root[]): void => {
    if (path !== undefined) {
      writeRootFile(path, { format: 1, trustDomain, roots: next.map(root => root.record) })
    }
    roots = [...next]
  }
  const signer = (): Root => signingRoot(roots, clock.now(), overlapMs)

  return {
    trustDomain,
    async issue(csr, identity, ttlSeconds) {
      checkIssue(trustDomain, identity, ttlSeconds)
      const publicKey = await publicKeyOfCsr(csr)
      const root = signer()
      const lifetime = lifetimeOf(clock.now(), ttlSeconds * 1000, root.notAfterMs)
      const certificate = await createLeaf(
        { certificate: root.certificate, signingKey: root.signingKey },
        publicKey,
        identity,
        lifetime,
      )
      return { certificate, issuer: root.certificate, ...lifetime }
    },
    async trust() {
      const signing = signer()
      return [signing, ...roots.filter(root => root !== signing)].map(root => publicPart(root, signing))
    },
    async rotate() {
      if (roots.length >= MAX_ROOTS) {
        throw new Error('a rotation is under way: drop the old root before another one is added')
      }
      const added = await rootOf(await newRecord(trustDomain, clock.now()))
      save([...roots, added])
      return publicPart(added, signer())
    },
    async drop(sha256) {
      const root = roots.find(candidate => candidate.sha256 === sha256)
      if (root === undefined) throw new Error(`no root with SHA-256 ${sha256} is trusted`)
      if (root === signer()) throw new Error(`root ${sha256} signs now and cannot be dropped`)
      save(roots.filter(candidate => candidate !== root))
    },
  }
}

async function loadRoots(options: EmbeddedAuthorityOptions): Promise<readonly Root[]> {
  const records = await firstRecords(options)
  try {
    return await Promise.all(records.map(rootOf))
  } catch {
    throw new RootFileUnusable(
      `cannot use the certificate authority in ${options.path}: a root or its key cannot be read`,
    )
  }
}

async function firstRecords(options: EmbeddedAuthorityOptions): Promise<readonly RootRecord[]> {
  const { path, trustDomain, clock } = options
  const file = path === undefined ? undefined : readRootFile(path)
  if (file === undefined) {
    const roots = [await newRecord(trustDomain, clock.now())]
    if (path !== undefined) writeRootFile(path, { format: 1, trustDomain, roots })
    return roots
  }
  if (file.trustDomain !== trustDomain) {
    throw new RootFileUnusable(
      `cannot use the certificate authority in ${path}: it belongs to the trust domain "${file.trustDomain}", ` +
        `expected "${trustDomain}"; a trust domain never changes, so use another state directory`,
    )
  }
  return file.roots
}

/** The newest root that everybody has had time to learn of; the oldest before that. */
function signingRoot(roots: readonly Root[], nowMs: number, overlapMs: number): Root {
  return roots.findLast(root => root.record.addedAtMs + overlapMs <= nowMs) ?? roots[0]!
}

/** A certificate begins a little early (clocks differ) and never outlives its root; X.509 counts whole seconds. */
function lifetimeOf(nowMs: number, ttlMs: number, rootNotAfterMs: number) {
  const backdateMs = Math.min(BACKDATE_MAX_MS, ttlMs / 10)
  const seconds = (ms: number): number => Math.floor(ms / 1000) * 1000
  return {
    notBeforeMs: seconds(nowMs - backdateMs),
    notAfterMs: seconds(Math.min(nowMs + ttlMs, rootNotAfterMs)),
  }
}

async function newRecord(trustDomain: string, nowMs: number): Promise<RootRecord> {
  const keys = await crypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  return {
    certificate: await createRoot(keys, trustDomain, nowMs),
    privateKey: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
    addedAtMs: nowMs,
  }
}

async function rootOf(record: RootRecord): Promise<Root> {
  return {
    record,
    certificate: record.certificate,
    sha256: sha256Of(record.certificate),
    notAfterMs: notAfterOf(record.certificate),
    signingKey: createPrivateKey(record.privateKey).toCryptoKey(P256, false, ['sign']),
  }
}

const publicPart = ({ certificate, sha256, notAfterMs }: Root, signing: Pick<Root, 'sha256'>): TrustRoot => ({
  certificate,
  sha256,
  notAfterMs,
  signing: sha256 === signing.sha256,
})
