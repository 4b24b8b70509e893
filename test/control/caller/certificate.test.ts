import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  X509Certificate as Parsed,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { createRoot, notAfterOf, P256, sha256Of } from '../../../control/authority/certificate.ts'
import { embeddedAuthority } from '../../../control/authority/embedded.ts'
import { certificateCaller } from '../../../control/caller/certificate.ts'
import type { Clock } from '../../../mesh/clock.ts'
import { workloadId } from '../../../mesh/protocol.ts'
import { makeCsr } from '../csr.ts'
import { handClock } from '../hand-clock.ts'
import { callerContract, none } from './caller.contract.ts'

const trustDomain = 'shop.internal'

async function certificateOf(clock: Clock, spiffeId: string, domain = trustDomain, dnsNames: string[] = []) {
  const authority = await embeddedAuthority({ trustDomain: domain, clock })
  const issue = async (ttlSeconds: number) => {
    const { csr } = await makeCsr()
    const { certificate } = await authority.issue(csr, { spiffeId, dnsNames }, ttlSeconds)
    return { ...none, certificate: new X509Certificate(certificate) }
  }
  return { authority, issue }
}

const spiffeId = workloadId(trustDomain, 'payments/v1')

/** Certificates that our own root signed, though we would never have issued them so. */
async function careless(clock: Clock, extensions: { ca: boolean; usage: ExtendedKeyUsage }) {
  const keys = await crypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const root = await createRoot(keys, trustDomain, clock.now())
  const trusted = {
    certificate: root,
    sha256: sha256Of(root),
    notAfterMs: notAfterOf(root),
    signing: true,
  }
  const leaf = await X509CertificateGenerator.create({
    issuer: new Parsed(root).subjectName,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    notBefore: new Date(clock.now() - 10_000),
    notAfter: new Date(clock.now() + 3_600_000),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(extensions.ca, undefined, true),
      new ExtendedKeyUsageExtension([extensions.usage]),
      new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }], true),
    ],
  })
  const { authority } = await certificateOf(clock, spiffeId)
  const caller = certificateCaller({ authority: { ...authority, trust: async () => [trusted] }, clock })
  return caller.prove({ ...none, certificate: new X509Certificate(leaf.toString('pem')) })
}

callerContract('certificate', async clock => {
  const { authority, issue } = await certificateOf(clock, spiffeId)
  const good = await issue(3600)
  const other = async (id: string, dnsNames: string[] = []) => {
    const { csr } = await makeCsr()
    const { certificate } = await authority.issue(csr, { spiffeId: id, dnsNames }, 3600)
    return { ...none, certificate: new X509Certificate(certificate) }
  }
  const root = (await authority.trust())[0]?.certificate ?? ''
  return {
    caller: certificateCaller({ authority, clock }),
    good,
    principal: {
      kind: 'workload',
      workload: 'payments/v1',
      spiffeId,
      notAfterMs: good.certificate.validToDate.getTime(),
    },
    bad: {
      'from another CA of the same name': await (await certificateOf(clock, spiffeId)).issue(3600),
      'from another trust domain': await (
        await certificateOf(clock, workloadId('bank.internal', 'web'), 'bank.internal')
      ).issue(3600),
      'the control plane itself': await other('spiffe://shop.internal/control-plane'),
      'with a second name': await other(spiffeId, ['localhost']),
      'without a name of a workload': await other('spiffe://shop.internal/workload/'),
      'the root': { ...none, certificate: new X509Certificate(root) },
    },
    livesMs: good.certificate.validToDate.getTime() - clock.now(),
    secrets: [],
  }
})

describe('certificate caller', () => {
  it('names the peer when it refuses', async () => {
    const clock = handClock()
    const { authority } = await certificateOf(clock, spiffeId)
    const stranger = await (await certificateOf(clock, spiffeId)).issue(3600)
    expect(await certificateCaller({ authority, clock }).prove(stranger)).toEqual({
      kind: 'refused',
      reason: `the certificate of ${spiffeId} is not from a CA of this mesh`,
    })
  })

  it.each([
    ['a CA', { ca: true, usage: ExtendedKeyUsage.clientAuth }, 'is a CA, not a workload'],
    ['for servers only', { ca: false, usage: ExtendedKeyUsage.serverAuth }, 'is not for clients'],
  ])('refuses a certificate of its own root that is %s', async (_, extensions, reason) => {
    const verdict = await careless(handClock(), extensions)
    expect(verdict).toEqual({ kind: 'refused', reason: `the certificate of ${spiffeId} ${reason}` })
  })

  it('proves one that is neither', async () => {
    const verdict = await careless(handClock(), { ca: false, usage: ExtendedKeyUsage.clientAuth })
    expect(verdict).toMatchObject({ kind: 'proven' })
  })

  it('refuses a certificate that is not valid yet', async () => {
    const later = handClock(Date.now() + 86_400_000)
    const { authority, issue } = await certificateOf(later, spiffeId)
    const verdict = await certificateCaller({ authority, clock: handClock() }).prove(await issue(3600))
    expect(verdict).toMatchObject({ kind: 'refused', reason: expect.stringContaining('is not valid before') })
  })

  it('refuses a certificate of a root that was dropped, also one it has proven before', async () => {
    const clock = handClock()
    const authority = await embeddedAuthority({ trustDomain, clock, overlapSeconds: 0 })
    const caller = certificateCaller({ authority, clock })
    const { csr } = await makeCsr()
    const { certificate } = await authority.issue(csr, { spiffeId }, 3600)
    const credentials = { ...none, certificate: new X509Certificate(certificate) }
    const old = (await authority.trust())[0]?.sha256 ?? ''
    await authority.rotate()
    expect(await caller.prove(credentials)).toMatchObject({ kind: 'proven' })
    await authority.drop(old)
    expect(await caller.prove(credentials)).toMatchObject({ kind: 'refused' })
  })
})
