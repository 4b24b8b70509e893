/** The control API's own certificate: the control plane's SPIFFE ID, and names that ordinary clients can check. */
import 'reflect-metadata'
import { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import { controlPlaneId } from '../mesh/protocol.ts'
import type { Authority } from './authority/authority.ts'
import { P256 } from './authority/certificate.ts'

export interface ServerCertificate {
  /** PEM. */
  readonly key: string
  /** PEM of leaf and root, so that a client that pins the root's fingerprint can verify the chain. */
  readonly cert: string
}

/** @param host where it listens; a wildcard adds nothing */
export async function serverCertificate(
  authority: Authority,
  host: string,
  ttlSeconds: number,
): Promise<ServerCertificate> {
  const keys = await crypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm })
  const identity = { spiffeId: controlPlaneId(authority.trustDomain), ...namesOf(host) }
  const { certificate, issuer } = await authority.issue(csr.toString('pem'), identity, ttlSeconds)
  return {
    key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `${certificate}\n${issuer}`,
  }
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

function namesOf(host: string) {
  const dnsNames = new Set(['localhost', hostname().toLowerCase()])
  const ipAddresses = new Set(['127.0.0.1', '::1'])
  if (isIP(host) === 0) dnsNames.add(host.toLowerCase())
  else if (!WILDCARDS.has(host)) ipAddresses.add(host)
  return { dnsNames: [...dnsNames].filter(name => DNS_NAME.test(name)), ipAddresses: [...ipAddresses] }
}

const DNS_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/
