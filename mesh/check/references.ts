/** Every name that is used is defined here, or declared under `uses`. */
import { list } from '../match-schema.ts'
import { oneOfNames, suggestion } from '../nearest.ts'
import { accessOf } from '../resolve-access.ts'
import { targetsOf } from '../resolve-routes.ts'
import { type Path, quote } from '../violation.ts'
import type { Check, CheckContext } from './check.ts'
import { definedNames } from './known-names.ts'

/** What a name may stand for at a place. */
interface Kind {
  readonly expected: string
  readonly valid: ReadonlySet<string>
}

type Verify = (path: Path, written: string | readonly string[] | undefined, kind: Kind) => void

export const checkReferences: Check = context => {
  const { known, document } = context
  const all = definedNames(known).union(known.uses)
  const any = { expected: 'a service or workload', valid: all }
  const service = { expected: 'a service', valid: known.services.union(known.uses) }
  const caller = { expected: 'a service, a workload or "*"', valid: new Set([...all, '*']) }
  const verify: Verify = (path, written, kind) => {
    for (const [index, name] of list(written ?? []).entries()) {
      if (context.enough()) return
      const place = typeof written === 'string' ? path : [...path, index]
      if (!kind.valid.has(name) && !context.damaged(place)) unknown(context, place, name, kind)
    }
  }
  checkUses(context)
  checkCalls(context, verify, any)
  for (const [name, workload] of Object.entries(document.workloads ?? {}))
    verify(['workloads', name, 'services'], workload.services, service)
  for (const [index, route] of (document.routes ?? []).entries()) {
    verify(['routes', index, 'service'], route.service, service)
    verify(['routes', index, 'match', 'source'], route.match?.source, any)
    for (const { name, path } of targetPaths(route.to)) verify(['routes', index, 'to', ...path], name, any)
  }
  const { rules, path } = accessOf(document.access)
  for (const [index, rule] of rules.entries()) {
    verify([...path, index, 'from'], rule.from, caller)
    verify([...path, index, 'to'], rule.to, any)
  }
}

/** Targets of a `to` with the place of each name in it. */
export function targetPaths(to: Parameters<typeof targetsOf>[0]) {
  return targetsOf(to).map((target, index) => {
    if (typeof to === 'string') return { ...target, path: [] }
    return { ...target, path: Array.isArray(to) ? [index, 'target'] : [target.name] }
  })
}

function checkUses({ document, known, report, warn }: CheckContext): void {
  const defined = definedNames(known)
  for (const [index, name] of (document.uses ?? []).entries())
    if (defined.has(name))
      report(
        ['uses', index],
        `found "${name}", which is defined here; expected names of other fragments only`,
      )
    else
      warn(['uses', index], `"${name}" is pending: until it is there, requests for it are answered with 500`)
}

function checkCalls({ document }: CheckContext, verify: Verify, any: Kind): void {
  for (const [name, service] of Object.entries(document.services ?? {})) {
    verify(['services', name, 'calls'], service.calls, any)
    for (const [workload, { calls }] of Object.entries(service.workloads ?? {}))
      verify(['services', name, 'workloads', workload, 'calls'], calls, any)
  }
  for (const [name, workload] of Object.entries(document.workloads ?? {}))
    verify(['workloads', name, 'calls'], workload.calls, any)
}

function unknown({ known, report }: CheckContext, path: Path, name: string, { expected, valid }: Kind): void {
  const hint = known.workloads.has(name)
    ? '; it is a workload, and here its service is asked for'
    : suggestion(name, valid)
  report(path, `found the unknown name ${quote(name)}, expected ${expected}: ${oneOfNames(valid)}${hint}`)
}
