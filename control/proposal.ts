/** What the mesh would be after a change, or everything that is wrong with it. Decides; writes nothing. */
import { compileSnapshot } from '../mesh/compile.ts'
import type { MeshDocumentInput } from '../mesh/document.ts'
import { mergeFragments } from '../mesh/merge.ts'
import { namesOf } from '../mesh/names.ts'
import { validate } from '../mesh/validate.ts'
import type { Violation } from '../mesh/violation.ts'
import { AddressesExhausted, type AddressRange, allocateAddresses } from './address-pool.ts'
import type { Principal } from './caller/caller.ts'
import { fragmentsOf, type Model, type Models, modelOf } from './model.ts'
import { checkFragmentOwner, checkScope } from './ownership.ts'
import { Refusal } from './refusal.ts'
import type { RevisionSummary, StoredFragment } from './store/store.ts'

export type Fragments = ReadonlyMap<string, StoredFragment>

export interface Proposal {
  readonly after: Model
  readonly warnings: readonly Violation[]
}

export interface Proposals {
  /**
   * One fragment by itself: shape, names, this mesh's name and trust domain, and whether it is the principal's.
   * @throws Refusal
   */
  fragment(principal: Principal, name: string, value: unknown, before: Model): MeshDocumentInput
  /** All fragments together, with addresses. @throws Refusal */
  mesh(
    before: Model,
    fragments: Fragments,
    summary: RevisionSummary,
    preferred?: Model['addresses'],
  ): Proposal
}

export function proposals(options: {
  readonly mesh: string
  readonly trustDomain: string
  readonly addressRange: AddressRange
  readonly models: Pick<Models, 'documentOf'>
}): Proposals {
  const { mesh, trustDomain, addressRange, models } = options

  return {
    fragment(principal, name, value, before) {
      checkFragmentOwner(principal, name, before.head?.fragments.get(name)?.owner)
      const checked = validate(value)
      if (!checked.ok) throw invalid(`fragment "${name}"`, checked.violations)
      const foreign = ofAnotherMesh(checked.document, mesh, trustDomain)
      if (foreign.length > 0) throw invalid(`fragment "${name}"`, foreign)
      checkScope(principal, checked.document, ownersOf(before, name, models), before.mesh.domain)
      return checked.document
    },

    mesh(before, fragments, summary, preferred) {
      const { document, violations, warnings } = mergeFragments(fragmentsOf({ fragments }, models.documentOf))
      if (violations.length > 0) throw invalid('the mesh with this change', violations)
      const whole: MeshDocumentInput = { ...document, name: mesh, trustDomain }
      const services = namesOf(whole).services.keys()
      const addresses = allocate(services, before.addresses, addressRange, preferred)
      const after = modelOf({ ...summary, fragments, addresses }, whole)
      compileSome(after, before)
      return { after, warnings }
    },
  }
}

/** Owner of each service and top-level workload that fragments other than this one define. */
function ownersOf(before: Model, except: string, models: Pick<Models, 'documentOf'>): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [name, fragment] of before.head?.fragments ?? []) {
    if (name === except) continue
    const { services = {}, workloads = {} } = models.documentOf(fragment)
    for (const subject of [...Object.keys(services), ...Object.keys(workloads)])
      owners.set(subject, fragment.owner)
  }
  return owners
}

function ofAnotherMesh(document: MeshDocumentInput, mesh: string, trustDomain: string): Violation[] {
  const violations: Violation[] = []
  if (document.name !== mesh) {
    const message = `found "${document.name}", expected "${mesh}", the mesh that this control plane serves`
    violations.push({ path: 'name', message })
  }
  if (document.trustDomain !== undefined && document.trustDomain !== trustDomain) {
    const message = `found "${document.trustDomain}", expected "${trustDomain}": a trust domain never changes`
    violations.push({ path: 'trustDomain', message })
  }
  return violations
}

function allocate(...args: Parameters<typeof allocateAddresses>): ReadonlyMap<string, string> {
  try {
    return allocateAddresses(...args)
  } catch (error) {
    if (error instanceof AddressesExhausted) throw new Refusal('addresses-exhausted', error.message)
    throw error
  }
}

/** Workloads times services is what compiling all of them would cost: minutes for thousands. */
const MAX_COMPILED = 20

/** A mesh that cannot be compiled must not be accepted: tries some of its workloads, new ones first. */
function compileSome(after: Model, before: Model): void {
  const names = [...after.mesh.workloads.keys()]
  const isNew = (name: string): boolean => !before.mesh.workloads.has(name)
  const tried = [...names.filter(isNew), ...names.filter(name => !isNew(name))].slice(0, MAX_COMPILED)
  for (const workload of tried) compileSnapshot(after.mesh, workload, { addresses: after.addresses })
}

function invalid(what: string, violations: readonly Violation[]): Refusal {
  const first = violations[0]
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''
  const place = first === undefined || first.path === '' ? '' : `${first.path}: `
  return new Refusal('invalid', `${what} is invalid: ${place}${first?.message}${more}`, { violations })
}
