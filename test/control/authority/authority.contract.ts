/** What every certificate authority must do; each implementation's test runs it. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Authority, CsrRefused } from '../../../control/authority/authority.ts'
import { workloadId } from '../../../mesh/protocol.ts'
import { forgedCsr, makeCsr } from '../csr.ts'
import { type HandClock, handClock } from '../hand-clock.ts'
import { handshake } from './handshake.ts'

const DAY_SECONDS = 86_400
const web = { spiffeId: workloadId('shop.internal', 'web') }

export function authorityContract(name: string, create: (clock: HandClock) => Promise<Authority>): void {
  describe(`authority contract: ${name}`, () => {
    let clock: HandClock
    let authority: Authority
    beforeEach(async () => {
      clock = handClock()
      authority = await create(clock)
    })

    it('issues a P-256 leaf that names the identity as its only SAN and nothing else', async () => {
      const { csr } = await makeCsr()
      const leaf = new X509Certificate((await authority.issue(csr, web, DAY_SECONDS)).certificate)
      expect(leaf.subjectAltName).toBe('URI:spiffe://shop.internal/workload/web')
      expect(leaf.subject).toBeFalsy()
      expect(leaf.ca).toBe(false)
      expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
      expect(new Set(leaf.keyUsage)).toEqual(new Set(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']))
    })

    it('signs the key of the CSR with a root that it trusts', async () => {
      const { csr, privateKey } = await makeCsr()
      const issued = await authority.issue(csr, web, DAY_SECONDS)
      const leaf = new X509Certificate(issued.certificate)
      const root = new X509Certificate(issued.issuer)
      expect(leaf.checkPrivateKey(createPrivateKey(privateKey))).toBe(true)
      expect(leaf.checkIssued(root)).toBe(true)
      expect(leaf.verify(root.publicKey)).toBe(true)
      expect((await authority.trust()).map(each => each.certificate)).toContain(issued.issuer)
    })

    it('ignores every name that the CSR asks for', async () => {
      const { csr } = await makeCsr({ uris: ['spiffe://shop.internal/workload/payments'] })
      const { certificate } = await authority.issue(csr, web, DAY_SECONDS)
      expect(new X509Certificate(certificate).subjectAltName).toBe(`URI:${web.spiffeId}`)
    })

    it('adds DNS names and addresses where the identity has them', async () => {
      const { csr } = await makeCsr()
      const identity = {
        spiffeId: 'spiffe://shop.internal/control-plane',
        dnsNames: ['localhost'],
        ipAddresses: ['127.0.0.1'],
      }
      const leaf = new X509Certificate((await authority.issue(csr, identity, DAY_SECONDS)).certificate)
      expect(leaf.checkHost('localhost')).toBe('localhost')
      expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1')
    })

    it.each([60, 3600, DAY_SECONDS])('lives %i s from now and begins a little earlier', async ttlSeconds => {
      const { csr } = await makeCsr()
      const issued = await authority.issue(csr, web, ttlSeconds)
      const leaf = new X509Certificate(issued.certificate)
      expect(leaf.validToDate.getTime()).toBe(issued.notAfterMs)
      expect(leaf.validFromDate.getTime()).toBe(issued.notBeforeMs)
      expect(Math.abs(issued.notAfterMs - clock.now() - ttlSeconds * 1000)).toBeLessThan(1000)
      const backdatedMs = clock.now() - issued.notBeforeMs
      expect(backdatedMs).toBeGreaterThan(0)
      expect(backdatedMs).toBeLessThanOrEqual(Math.min(61_000, ttlSeconds * 100 + 1000))
    })

    it.each([0, 59, -1, Number.NaN, 400 * DAY_SECONDS])('refuses a lifetime of %d s', async ttlSeconds => {
      const { csr } = await makeCsr()
      await expect(authority.issue(csr, web, ttlSeconds)).rejects.toThrow(/certificate lifetime: found/)
    })

    it.each(['spiffe://bank.internal/workload/web', 'https://shop.internal/workload/web', 'web'])(
      'refuses the identity %s, which is not of its trust domain',
      async spiffeId => {
        const { csr } = await makeCsr()
        await expect(authority.issue(csr, { spiffeId }, 3600)).rejects.toThrow(/not within the trust domain/)
      },
    )

    it('never gives the same serial number twice', async () => {
      const { csr } = await makeCsr()
      const serials = new Set<string>()
      for (let index = 0; index < 20; index++) {
        serials.add(new X509Certificate((await authority.issue(csr, web, 3600)).certificate).serialNumber)
      }
      expect(serials.size).toBe(20)
    })

    it('refuses a CSR that was not signed by its own key', async () => {
      await expect(authority.issue(await forgedCsr(), web, 3600)).rejects.toThrow(
        'csr: its signature was not made by its own key',
      )
    })

    it.each([
      ['no PEM', 'hello', /expected one PEM block/],
      [
        'PEM of something else',
        '-----BEGIN CERTIFICATE REQUEST-----\naGVsbG8=\n-----END CERTIFICATE REQUEST-----',
        /damaged/,
      ],
      ['nothing', '', /expected one PEM block/],
    ])('refuses %s as a CSR', async (_, csr, reason) => {
      const refused = authority.issue(csr, web, 3600)
      await expect(refused).rejects.toThrow(CsrRefused)
      await expect(refused).rejects.toThrow(reason)
    })

    it('refuses a key that is not P-256, naming what it found', async () => {
      const { csr } = await makeCsr({ algorithm: { name: 'ECDSA', namedCurve: 'P-384' } })
      await expect(authority.issue(csr, web, 3600)).rejects.toThrow(
        'the key is ec secp384r1, expected EC P-256',
      )
      const rsa = {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      }
      await expect(authority.issue((await makeCsr({ algorithm: rsa })).csr, web, 3600)).rejects.toThrow(
        /the key is rsa/,
      )
    })

    it('has a root with path length 0 that may sign URIs of its trust domain only', async () => {
      const root = (await authority.trust())[0]
      const text = Buffer.from(new X509Certificate(root?.certificate ?? '').raw).toString('hex')
      expect(new X509Certificate(root?.certificate ?? '').ca).toBe(true)
      // BasicConstraints, critical, CA true, path length 0 (RFC 5280 section 4.2.1.9).
      expect(text).toContain('0603551d130101ff040830060101ff020100')
      // NameConstraints, critical, permitted [6] "shop.internal" (section 4.2.1.10).
      expect(text).toContain(
        `0603551d1e0101ff04153013a011300f860d${Buffer.from('shop.internal').toString('hex')}`,
      )
    })

    it('makes certificates that two ends of a TLS 1.3 connection accept', async () => {
      const roots = (await authority.trust()).map(root => root.certificate)
      const end = async (workload: string) => {
        const { csr, privateKey } = await makeCsr()
        const identity = { spiffeId: workloadId('shop.internal', workload) }
        return { key: privateKey, cert: (await authority.issue(csr, identity, 3600)).certificate }
      }
      const result = await handshake(await end('orders'), await end('web'), roots)
      expect(result).toEqual({
        protocol: 'TLSv1.3',
        client: 'URI:spiffe://shop.internal/workload/web',
        server: 'URI:spiffe://shop.internal/workload/orders',
      })
    })
  })
}
