/** What the certificates of a mesh look like (RFC 5280, SPIFFE X.509-SVID). */
import 'reflect-metadata'
import { createHash, randomBytes, type webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { CertificateIdentity } from './authority.ts'

const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }
export const P256 = { name: 'ECDSA', namedCurve: 'P-256' }
const NAME_CONSTRAINTS = '2.5.29.30'
const ROOT_YEARS = 10
const ROOT_BACKDATE_MS = 3_600_000

type KeyPair = webcrypto.CryptoKeyPair

export interface Lifetime {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** A root that may sign leaves only (path length 0), and only URIs of its own trust domain. */
export async function createRoot(keys: KeyPair, trustDomain: string, nowMs: number): Promise<string> {
  const serial = serialNumber()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    // Two roots of a mesh are told apart by their names, too: verifiers look issuers up by name.
    name: [{ O: [trustDomain] }, { CN: [`Selvage root ${serial.slice(0, 8)}`] }],
    keys,
    notBefore: new Date(nowMs - ROOT_BACKDATE_MS),
    notAfter: new Date(nowMs + ROOT_YEARS * 365 * 86_400_000),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new Extension(NAME_CONSTRAINTS, true, permittedUriHost(trustDomain)),
    ],
  })
  return certificate.toString('pem')
}

/** A leaf for both ends of a connection, signed by `root`. `publicKey` is SPKI in DER. */
export async function createLeaf(
  root: { readonly certificate: string; readonly signingKey: CryptoKey },
  publicKey: Uint8Array,
  identity: CertificateIdentity,
  lifetime: Lifetime,
): Promise<string> {
  const issuer = new X509Certificate(root.certificate)
  const key = await crypto.subtle.importKey('spki', new Uint8Array(publicKey), P256, true, ['verify'])
  const leaf = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // No subject: the SAN is the identity, and is critical then (RFC 5280 section 4.1.2.6).
    issuer: issuer.subjectName,
    publicKey: key,
    signingKey: root.signingKey,
    notBefore: new Date(lifetime.notBeforeMs),
    notAfter: new Date(lifetime.notAfterMs),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(
        [
          { type: 'url', value: identity.spiffeId },
          ...(identity.dnsNames ?? []).map(value => ({ type: 'dns' as const, value })),
          ...(identity.ipAddresses ?? []).map(value => ({ type: 'ip' as const, value })),
        ],
        true,
      ),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await SubjectKeyIdentifierExtension.create(key),
    ],
  })
  return leaf.toString('pem')
}

export const notAfterOf = (certificate: string): number => new X509Certificate(certificate).notAfter.getTime()

/** Hex SHA-256 of a PEM certificate's DER. */
export const sha256Of = (certificate: string): string =>
  createHash('sha256')
    .update(new Uint8Array(new X509Certificate(certificate).rawData))
    .digest('hex')

/** 127 random bits and a clear sign bit: positive, at most 20 octets (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** DER of NameConstraints that permit URIs of one host (RFC 5280 section 4.2.1.10). */
function permittedUriHost(host: string): Uint8Array {
  const uniformResourceIdentifier = der(0x86, Buffer.from(host, 'ascii'))
  const permittedSubtrees = der(0xa0, der(0x30, uniformResourceIdentifier))
  return der(0x30, permittedSubtrees)
}

function der(tag: number, content: Uint8Array): Uint8Array {
  const length = content.byteLength
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
