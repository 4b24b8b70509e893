/** A certificate authority for tests: quick P-256 certificates with whatever is right or wrong about them. */
import 'reflect-metadata'
import { createHash, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { workloadId } from '../../mesh/protocol.ts'
import { type Identity, readIdentity } from '../../proxy/identity/identity.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const MINUTE_MS = 60_000

export interface LeafOptions {
  /** SPIFFE ID; the workload's unless given. Several, or none, to be refused. */
  readonly uris?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}

export interface TestAuthority {
  readonly trustDomain: string
  readonly certificatePem: string
  /** Hex. */
  readonly sha256: string
  /** PEM of certificate and key, and nothing checked. */
  leaf(workload: string, options?: LeafOptions): Promise<{ certificatePem: string; privateKeyPem: string }>
  identity(workload: string, options?: LeafOptions): Promise<Identity>
  /** A certificate for the key of a signing request, as a control plane issues it. */
  sign(csrPem: string, workload: string, options?: LeafOptions): Promise<string>
}

export async function createAuthority(trustDomain = 'shop'): Promise<TestAuthority> {
  const keys = await generateKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Test root of ${trustDomain}`,
    notBefore: new Date(Date.now() - MINUTE_MS),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  const certificatePem = root.toString('pem')
  const issue = async (publicKey: webcrypto.CryptoKey, workload: string, options: LeafOptions = {}) => {
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${workload}`,
      issuer: root.subject,
      notBefore: options.notBefore ?? new Date(Date.now() - MINUTE_MS),
      notAfter: options.notAfter ?? new Date(Date.now() + 10 * MINUTE_MS),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: keys.privateKey,
      extensions: leafExtensions(options.uris ?? [workloadId(trustDomain, workload)]),
    })
    return certificate.toString('pem')
  }
  const leaf: TestAuthority['leaf'] = async (workload, options) => {
    const { publicKey, privateKey } = await generateKeys()
    return {
      certificatePem: await issue(publicKey, workload, options),
      privateKeyPem: await exportKey(privateKey),
    }
  }
  return {
    trustDomain,
    certificatePem,
    sha256: createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex'),
    leaf,
    async sign(csrPem, workload, options) {
      const request = new x509.Pkcs10CertificateRequest(csrPem)
      if (!(await request.verify())) throw new Error('the signing request is not signed by its own key')
      return issue(await request.publicKey.export(), workload, options)
    },
    async identity(workload, options) {
      const { certificatePem: leafPem, privateKeyPem } = await leaf(workload, options)
      return readIdentity(leafPem, privateKeyPem, [certificatePem])
    },
  }
}

const generateKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

function leafExtensions(uris: readonly string[]): x509.Extension[] {
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
  ]
  if (uris.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension(uris.map(value => ({ type: 'url', value }))))
  }
  return extensions
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return `-----BEGIN PRIVATE KEY-----\n${der
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END PRIVATE KEY-----\n`
}
