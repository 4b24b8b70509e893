/** Who may do what. One table for people and machines that administer; workloads only ever reach their own. */
import { type Principal, principalName } from './caller/caller.ts'
import { Refusal } from './refusal.ts'
import type { ControlContext } from './router.ts'

const ALLOWED = {
  /** Fragments, status, topology, plans. */
  'read the mesh': ['operator', 'publisher'],
  /** Which fragment and which services is decided by ownership. */
  'publish a fragment': ['operator', 'publisher'],
  'restore a revision': ['operator'],
  'issue tokens': ['operator'],
} as const satisfies Record<string, readonly Principal['kind'][]>

export type Action = keyof typeof ALLOWED

/** @throws Refusal 403 */
export function allow(c: ControlContext, action: Action): Principal {
  const { principal } = c.var
  const kinds: readonly string[] = ALLOWED[action]
  if (kinds.includes(principal.kind)) return principal
  throw new Refusal(
    'forbidden',
    `${principalName(principal)} may not ${action}; it takes the ${kinds.join(' or ')}`,
  )
}

/**
 * The workload itself, proven by its certificate, and nobody else: neither another workload nor an operator.
 * @throws Refusal naming both
 */
export function allowWorkload(c: ControlContext, workload: string, thing: string) {
  const { principal } = c.var
  if (principal.kind === 'workload' && principal.workload === workload) return principal
  const rule =
    principal.kind === 'join'
      ? 'a join token is good for one certificate and nothing else'
      : 'only the workload itself may, by its certificate'
  throw new Refusal(
    'forbidden',
    `${principalName(principal)} may not have the ${thing} of ${workload}: ${rule}`,
  )
}

/** The workload itself, by its certificate, or by a join token that names it. @throws Refusal */
export function allowCertificate(c: ControlContext, workload: string) {
  const { principal } = c.var
  const own = principal.kind === 'workload' || principal.kind === 'join'
  if (own && principal.workload === workload) return principal
  throw new Refusal(
    'forbidden',
    `${principalName(principal)} may not have a certificate of ${workload}: only that workload itself may, by its ` +
      'certificate or a join token of its own',
  )
}
