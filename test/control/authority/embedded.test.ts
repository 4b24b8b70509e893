import { createPrivateKey } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLeaf, P256 } from '../../../control/authority/certificate.ts'
import { publicKeyOfCsr } from '../../../control/authority/csr.ts'
import { embeddedAuthority } from '../../../control/authority/embedded.ts'
import { RootFileUnusable } from '../../../control/authority/root-file.ts'
import { workloadId } from '../../../mesh/protocol.ts'
import { makeCsr } from '../csr.ts'
import { handClock } from '../hand-clock.ts'
import { authorityContract } from './authority.contract.ts'
import { handshake } from './handshake.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'selvage-authority-'))
  path = join(directory, 'authority.json')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const trustDomain = 'shop.internal'
const identity = { spiffeId: workloadId(trustDomain, 'web') }

authorityContract('embedded, in memory', clock => embeddedAuthority({ trustDomain, clock }))
authorityContract('embedded, on disk', clock => embeddedAuthority({ trustDomain, clock, path }))

describe('embedded authority', () => {
  it('has the same root after a restart, in a file that only its owner may read', async () => {
    const clock = handClock()
    const first = await (await embeddedAuthority({ trustDomain, clock, path })).trust()
    const again = await (await embeddedAuthority({ trustDomain, clock, path })).trust()
    expect(again).toEqual(first)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('refuses a file that others may read', async () => {
    await embeddedAuthority({ trustDomain, clock: handClock(), path })
    chmodSync(path, 0o644)
    await expect(embeddedAuthority({ trustDomain, clock: handClock(), path })).rejects.toThrow(/chmod 600/)
  })

  it.each([
    ['not JSON', 'hello', /it is not JSON/],
    ['of another format', '{"format":2,"trustDomain":"shop.internal","roots":[]}', /damaged at "format"/],
    [
      'without a readable key',
      JSON.stringify({
        format: 1,
        trustDomain,
        roots: [{ certificate: 'none', privateKey: 'none', addedAtMs: 1 }],
      }),
      /a root or its key cannot be read/,
    ],
  ])('refuses a file that is %s', async (_, text, reason) => {
    writeFileSync(path, text, { mode: 0o600 })
    const refused = embeddedAuthority({ trustDomain, clock: handClock(), path })
    await expect(refused).rejects.toThrow(RootFileUnusable)
    await expect(refused).rejects.toThrow(reason)
  })

  it('refuses a file of another trust domain', async () => {
    await embeddedAuthority({ trustDomain, clock: handClock(), path })
    await expect(
      embeddedAuthority({ trustDomain: 'bank.internal', clock: handClock(), path }),
    ).rejects.toThrow(/belongs to the trust domain "shop.internal", expected "bank.internal"/)
  })

  it('trusts a new root at once and signs with it only after the overlap', async () => {
    const clock = handClock()
    const authority = await embeddedAuthority({ trustDomain, clock, path, overlapSeconds: 3600 })
    const old = (await authority.trust())[0]
    const { csr } = await makeCsr()
    clock.advance(7_200_000)
    const added = await authority.rotate()
    expect((await authority.trust()).map(root => root.sha256)).toEqual([old?.sha256, added.sha256])
    expect((await authority.issue(csr, identity, 3600)).issuer).toBe(old?.certificate)
    clock.advance(3_600_000)
    expect((await authority.issue(csr, identity, 3600)).issuer).toBe(added.certificate)
    expect((await authority.trust()).map(root => root.signing)).toEqual([true, false])
  })

  it('lets certificates of both roots meet while a rotation is under way', async () => {
    const clock = handClock()
    const authority = await embeddedAuthority({ trustDomain, clock, overlapSeconds: 0 })
    const end = async () => {
      const { csr, privateKey } = await makeCsr()
      return { key: privateKey, cert: (await authority.issue(csr, identity, 3600)).certificate }
    }
    const before = await end()
    await authority.rotate()
    const after = await end()
    const roots = (await authority.trust()).map(root => root.certificate)
    await expect(handshake(before, after, roots)).resolves.toMatchObject({ protocol: 'TLSv1.3' })
  })

  it('ends the trust in an old root when it is dropped, and remembers that', async () => {
    const clock = handClock()
    const options = { trustDomain, clock, path, overlapSeconds: 0 }
    const authority = await embeddedAuthority(options)
    const old = (await authority.trust())[0]?.sha256 ?? ''
    const added = await authority.rotate()
    await authority.drop(old)
    expect((await authority.trust()).map(root => root.sha256)).toEqual([added.sha256])
    expect((await (await embeddedAuthority(options)).trust()).map(root => root.sha256)).toEqual([
      added.sha256,
    ])
    expect(readFileSync(path, 'utf8')).not.toContain(old)
  })

  it('has a root whose constraint makes TLS refuse a leaf of another trust domain', async () => {
    const authority = await embeddedAuthority({ trustDomain, clock: handClock(), path })
    const { csr, privateKey } = await makeCsr()
    const good = {
      key: privateKey,
      cert: (await authority.issue(csr, identity, 3600)).certificate,
    }
    const record = JSON.parse(readFileSync(path, 'utf8')).roots[0]
    const signingKey = createPrivateKey(record.privateKey).toCryptoKey(P256, false, ['sign'])
    const foreign = await createLeaf(
      { certificate: record.certificate, signingKey },
      await publicKeyOfCsr(csr),
      { spiffeId: 'spiffe://bank.internal/workload/web' },
      { notBeforeMs: Date.now() - 1000, notAfterMs: Date.now() + 60_000 },
    )
    const roots = [record.certificate]
    await expect(handshake(good, good, roots)).resolves.toBeDefined()
    await expect(handshake(good, { key: privateKey, cert: foreign }, roots)).rejects.toThrow()
  })

  it('refuses to drop the root that signs, and a third root', async () => {
    const authority = await embeddedAuthority({ trustDomain, clock: handClock() })
    const signing = (await authority.trust())[0]?.sha256 ?? ''
    await authority.rotate()
    await expect(authority.drop(signing)).rejects.toThrow(/signs now/)
    await expect(authority.drop('ab')).rejects.toThrow(/no root with SHA-256 ab/)
    await expect(authority.rotate()).rejects.toThrow(/a rotation is under way/)
  })
})
