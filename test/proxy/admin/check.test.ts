import { describe, expect, test } from 'vitest'
import { type CheckInput, checkReport } from '../../../proxy/admin/check.ts'
import { snapshot } from '../../support/snapshot.ts'

const HOUR_MS = 3_600_000
const well: CheckInput = {
  workload: 'payments',
  nowMs: 10 * HOUR_MS,
  identity: {
    spiffeId: 'spiffe://shop/workload/payments',
    trustDomain: 'shop',
    certificatePem: '',
    privateKeyPem: '',
    trustBundle: [],
    notBeforeMs: 0,
    notAfterMs: 24 * HOUR_MS,
    serialNumber: '1',
  },
  snapshot: { snapshot: snapshot('payments'), configHash: 'c1', endpointsHash: 'e1' },
  appliedAtMs: 0,
  refusal: undefined,
  apps: [{ port: 8080, up: true, reason: undefined }],
  registration: 'healthy',
  clockSkewMs: 400,
  listenErrors: [],
  bypasses: [],
}

const wrongs = (input: Partial<CheckInput>) =>
  checkReport({ ...well, ...input }).findings.filter(({ status }) => status !== 'ok')

describe('checkReport', () => {
  test('has only good news for a proxy that is well', () => {
    const report = checkReport(well)
    expect(report.ok).toBe(true)
    expect(report.findings.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'certificate ok',
      'snapshot ok',
      'app ok',
      'registration ok',
      'clock ok',
      'listeners ok',
      'bypassable ok',
    ])
  })

  test.for([
    ['certificate', 'error', { identity: undefined }, 'no certificate yet'],
    ['certificate', 'error', { nowMs: 25 * HOUR_MS }, 'ended at 1970-01-02'],
    ['certificate', 'warning', { nowMs: 23 * HOUR_MS }, 'should have been renewed'],
    ['snapshot', 'error', { snapshot: undefined }, 'no snapshot yet'],
    ['snapshot', 'error', { refusal: 'config.format: expected 1' }, 'A newer one was refused: config.format'],
    ['app', 'error', { apps: [{ port: 8080, up: false, reason: 'ECONNREFUSED' }] }, '8080 (ECONNREFUSED)'],
    ['registration', 'warning', { registration: 'draining' }, 'registered as draining'],
    ['clock', 'error', { clockSkewMs: -90_000 }, '90 s behind'],
    ['listeners', 'error', { listenErrors: ['cannot listen on 127.83.0.1:80'] }, '127.83.0.1:80'],
    ['bypassable', 'warning', { bypasses: ['10.0.0.7:8080'] }, '10.0.0.7:8080'],
  ] as const)('finds %s as %s, says how it is and how to mend it', ([name, status, input, message]) => {
    expect(wrongs(input)).toEqual([
      { name, status, message: expect.stringContaining(message), remedy: expect.stringMatching(/\.$|\?$/) },
    ])
  })

  test('is not all right when a finding is an error, and still is with warnings', () => {
    expect(checkReport({ ...well, snapshot: undefined }).ok).toBe(false)
    expect(checkReport({ ...well, bypasses: ['10.0.0.7:8080'] }).ok).toBe(true)
  })

  test('says nothing about a registration or a clock that it cannot know', () => {
    const names = checkReport({ ...well, registration: undefined, clockSkewMs: undefined }).findings.map(
      f => f.name,
    )
    expect(names).not.toContain('registration')
    expect(names).not.toContain('clock')
  })
})
