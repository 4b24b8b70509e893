/** What the control plane writes down about who did what, and who was refused. Never a token, a key or a CSR. */
import type { Logger } from 'pino'
import { type Principal, principalName } from './caller/caller.ts'
import type { Refusal } from './refusal.ts'
import type { ControlContext } from './router.ts'

export interface Audit {
  /** 401 and 403: who asked for what, and why not. */
  refused(c: ControlContext, refusal: Refusal): void
  /** Something that was done: a change, a certificate, a token. */
  done(c: ControlContext | undefined, what: string, details: Readonly<Record<string, unknown>>): void
}

export function audit(log: Logger): Audit {
  const lines = log.child({ audit: true })
  return {
    refused(c, refusal) {
      const line = {
        ...callerOf(c),
        method: c.req.method,
        path: c.req.path,
        status: refusal.status,
        reason: refusal.message,
      }
      lines.warn(line, 'refused')
    },
    done(c, what, details) {
      lines.info({ ...(c === undefined ? { principal: 'operator' } : callerOf(c)), ...details }, what)
    },
  }
}

function callerOf(c: ControlContext) {
  // A refusal may come before anybody is known.
  const principal: Principal | undefined = c.get('principal')
  return {
    principal: principal === undefined ? undefined : principalName(principal),
    remoteAddress: c.env?.remoteAddress,
  }
}
