/**
 * Certificates for one run: a root, and one leaf for the calling and one for the called workload, with SPIFFE
 * URIs for those who check them and a DNS name for those who check that. Written as the files each peer wants.
 */
import type { webcrypto } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { workloadId } from '../mesh/protocol.ts'
import { wallMs } from './clock.ts'
import { CALLED_WORKLOAD, CALLING_WORKLOAD, TRUST_DOMAIN } from './document.ts'

export interface Leaf {
  readonly spiffeId: string
  readonly certificate: string
  readonly key: string
  /** Certificate and key in one file, as HAProxy reads them. */
  readonly pair: string
  /** Directory with the files that a Selvage sidecar reads. */
  readonly directory: string
}

export interface Certificates {
  readonly trust: string
  /** DNS name in the called workload's certificate. */
  readonly serverName: string
  readonly caller: Leaf
  readonly called: Leaf
}

const SERVER_NAME = 'payments.bench.internal'
const LIFETIME_MS = 24 * 3600 * 1000
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

const pem = (label: string, der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** Makes all of them below `directory`. Keys are readable by their owner only. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  x509.cryptoProvider.set(crypto)
  const root = await makeRoot()
  const trust = join(directory, 'trust.pem')
  mkdirSync(directory, { recursive: true })
  writeFileSync(trust, root.certificate.toString('pem'))
  const leaf = (workload: string, names: readonly string[]) => makeLeaf(directory, root, workload, names)
  return {
    trust,
    serverName: SERVER_NAME,
    caller: await leaf(CALLING_WORKLOAD, []),
    called: await leaf(CALLED_WORKLOAD, [SERVER_NAME]),
  }
}

interface Root {
  readonly certificate: x509.X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

const validity = () => ({
  notBefore: new Date(wallMs() - 60_000),
  notAfter: new Date(wallMs() + LIFETIME_MS),
})

async function makeRoot(): Promise<Root> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=bench root',
    ...validity(),
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keys }
}

async function makeLeaf(
  parent: string,
  root: Root,
  workload: string,
  dnsNames: readonly string[],
): Promise<Leaf> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const spiffeId = workloadId(TRUST_DOMAIN, workload)
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${workload}`,
    issuer: root.certificate.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: root.keys.privateKey,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: spiffeId },
        ...dnsNames.map(value => ({ type: 'dns' as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(root.keys.publicKey),
    ],
  })
  const key = pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', keys.privateKey))
  return writeLeaf(
    join(parent, workload.replaceAll('/', '-')),
    spiffeId,
    certificate.toString('pem'),
    key,
    root,
  )
}

function writeLeaf(directory: string, spiffeId: string, certificate: string, key: string, root: Root): Leaf {
  mkdirSync(directory, { recursive: true })
  const write = (name: string, text: string) => {
    const path = join(directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  write('bundle.pem', root.certificate.toString('pem'))
  return {
    spiffeId,
    directory,
    certificate: write('cert.pem', certificate),
    key: write('key.pem', key),
    pair: write('pair.pem', `${certificate}\n${key}`),
  }
}
