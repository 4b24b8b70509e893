/** Is this proxy all right? What is wrong, and how to mend it: findings as data, for `selvage check` and for people. */
import type { AppPortStatus } from '../app-probe.ts'
import type { VersionedSnapshot } from '../config/config-source.ts'
import type { Identity } from '../identity/identity.ts'

export interface Finding {
  /** What was looked at: `certificate`, `snapshot`, `app`, `registration`, `clock`, `listeners`, `bypassable`. */
  readonly name: string
  readonly status: 'ok' | 'warning' | 'error'
  /** One sentence: how it is. */
  readonly message: string
  /** One sentence: how to mend it. Given unless the status is `ok`. */
  readonly remedy?: string
}

/** Answer of `GET /check`. */
export interface CheckReport {
  readonly workload: string
  /** No finding is an error. */
  readonly ok: boolean
  readonly findings: readonly Finding[]
}

/** Everything that the findings are drawn from. */
export interface CheckInput {
  readonly workload: string
  readonly nowMs: number
  readonly identity: Identity | undefined
  readonly snapshot: VersionedSnapshot | undefined
  readonly appliedAtMs: number
  readonly refusal: string | undefined
  readonly apps: readonly AppPortStatus[]
  /** `undefined`: this workload answers for no service, or there is no control plane to register with. */
  readonly registration: 'absent' | 'healthy' | 'draining' | undefined
  readonly clockSkewMs: number | undefined
  /** Sentences about addresses that could not be bound. */
  readonly listenErrors: readonly string[]
  /** Addresses beyond loopback at which the app answers without its sidecar. */
  readonly bypasses: readonly string[]
}

/** Certificates are renewed at half life: with less than this left, renewal has been failing for a while. */
const LITTLE_LIFE = 0.25
/** Leaves are valid from a little before they are issued; more than this breaks handshakes. */
const MAX_SKEW_MS = 30_000

export function checkReport(input: CheckInput): CheckReport {
  const findings = CHECKS.map(each => each(input)).filter(finding => finding !== undefined)
  return { workload: input.workload, ok: findings.every(({ status }) => status !== 'error'), findings }
}

const ok = (name: string, message: string): Finding => ({ name, status: 'ok', message })
const at = (ms: number): string => new Date(ms).toISOString()

function checkCertificate({ identity, nowMs }: CheckInput): Finding | undefined {
  const name = 'certificate'
  const remedy =
    'Look for "certificate" in the log; if the last one has ended, give the proxy a new join token.'
  if (identity === undefined)
    return { name, status: 'error', message: 'There is no certificate yet.', remedy }
  const { spiffeId, notBeforeMs, notAfterMs } = identity
  if (nowMs >= notAfterMs) {
    return {
      name,
      status: 'error',
      message: `The certificate of ${spiffeId} ended at ${at(notAfterMs)}.`,
      remedy,
    }
  }
  const left = (notAfterMs - nowMs) / (notAfterMs - notBeforeMs)
  const message = `The certificate of ${spiffeId} is valid until ${at(notAfterMs)}.`
  return left < LITTLE_LIFE
    ? { name, status: 'warning', message: `${message} It should have been renewed by now.`, remedy }
    : ok(name, message)
}

function checkSnapshot({ snapshot, appliedAtMs, refusal }: CheckInput): Finding | undefined {
  const name = 'snapshot'
  const remedy =
    'Is the control plane there, and is this workload in the document? The log says what was asked and answered.'
  if (snapshot === undefined) return { name, status: 'error', message: 'There is no snapshot yet.', remedy }
  const message = `Config ${snapshot.configHash}, endpoints ${snapshot.endpointsHash}, in force since ${at(appliedAtMs)}.`
  return refusal === undefined
    ? ok(name, message)
    : {
        name,
        status: 'error',
        message: `${message} A newer one was refused: ${refusal}`,
        remedy: 'Do the control plane and this proxy have the same version?',
      }
}

function checkApp({ apps }: CheckInput): Finding | undefined {
  const name = 'app'
  if (apps.length === 0) return ok(name, 'This workload answers for no service.')
  const down = apps.filter(({ up }) => !up)
  const list = apps.map(({ port }) => port).join(', ')
  if (down.length === 0) return ok(name, `The app accepts connections on ${list}.`)
  return {
    name,
    status: 'error',
    message: `The app does not accept connections on ${down.map(({ port, reason }) => `${port} (${reason ?? 'not asked yet'})`).join(', ')}.`,
    remedy: 'Start the app, or correct targetPort in the document or SELVAGE_APP_PORTS.',
  }
}

function checkRegistration({ registration }: CheckInput): Finding | undefined {
  const name = 'registration'
  if (registration === undefined) return undefined
  if (registration === 'healthy') return ok(name, 'The endpoint is registered.')
  return {
    name,
    status: 'warning',
    message:
      registration === 'absent'
        ? 'The endpoint is not registered.'
        : 'The endpoint is registered as draining.',
    remedy:
      'It is registered when certificate, snapshot and app are there, and while the proxy is not draining.',
  }
}

function checkClock({ clockSkewMs }: CheckInput): Finding | undefined {
  const name = 'clock'
  if (clockSkewMs === undefined) return undefined
  // A Date header has whole seconds, and the answer took some time.
  const seconds = Math.round(clockSkewMs / 1000)
  if (Math.abs(clockSkewMs) <= MAX_SKEW_MS) return ok(name, "The clock agrees with the control plane's.")
  const direction = seconds > 0 ? 'ahead of' : 'behind'
  return {
    name,
    status: 'error',
    message: `The clock is ${Math.abs(seconds)} s ${direction} the control plane's.`,
    remedy: 'Synchronise it (NTP): certificates are valid from and until a time.',
  }
}

function checkListeners({ listenErrors }: CheckInput): Finding | undefined {
  const name = 'listeners'
  if (listenErrors.length === 0) return ok(name, 'Every listener is open.')
  return {
    name,
    status: 'error',
    message: listenErrors.join(' '),
    remedy: 'Free the port, or use SELVAGE_INTERCEPTION=explicit.',
  }
}

function checkBypassable({ bypasses }: CheckInput): Finding | undefined {
  const name = 'bypassable'
  if (bypasses.length === 0) return ok(name, 'The app is not reachable past its sidecar from here.')
  return {
    name,
    status: 'warning',
    message: `The app answers at ${bypasses.join(', ')}: whoever reaches that walks around mutual TLS and access rules.`,
    remedy: 'Have the app listen on 127.0.0.1, or let only the mesh port through the security group.',
  }
}

const CHECKS = [
  checkCertificate,
  checkSnapshot,
  checkApp,
  checkRegistration,
  checkClock,
  checkListeners,
  checkBypassable,
]
