/**
 * How a change of the mesh becomes its next revision: checked whole, against all fragments together, and committed
 * in one step. Nothing is ever half applied.
 */
import type { Clock } from '../mesh/clock.ts'
import type { MeshDocumentInput } from '../mesh/document.ts'
import type { Accepted } from '../mesh/protocol.ts'
import type { Violation } from '../mesh/violation.ts'
import { type Principal, principalName } from './caller/caller.ts'
import { encodeContent } from './fragment-content.ts'
import type { Model, Models } from './model.ts'
import { checkFragmentOwner } from './ownership.ts'
import { checkPrecondition, type Precondition } from './precondition.ts'
import type { Fragments, Proposal, Proposals } from './proposal.ts'
import { Refusal } from './refusal.ts'
import { serial } from './serial.ts'
import { RevisionConflict, type RevisionSummary, type Store, type StoredFragment } from './store/store.ts'

export interface Publishing {
  /** @throws Refusal, FragmentTooLarge */
  put(
    principal: Principal,
    fragment: string,
    document: unknown,
    precondition: Precondition,
  ): Promise<Accepted>
  /** Succeeds also when it never was. @throws Refusal */
  delete(principal: Principal, fragment: string, precondition: Precondition): Promise<Accepted>
  /** Makes a new revision with the fragments of an old one. @throws Refusal */
  restore(principal: Principal, revision: number, precondition: Precondition): Promise<Accepted>
  /** What `put` (or, without a document, `delete`) would do. @throws Refusal, with the violations if there are any */
  propose(principal: Principal, fragment: string, document: unknown): Promise<Proposal & { before: Model }>
}

export interface PublishingOptions {
  readonly store: Store
  readonly mesh: string
  readonly models: Models
  readonly proposals: Proposals
  readonly clock: Clock
  /** After each accepted change. */
  readonly changed: () => void
}

interface Decision {
  /** Undefined: it is so already. */
  readonly after: Model | undefined
  readonly warnings: readonly Violation[]
  /** Services whose addresses the answer tells. */
  readonly services: Iterable<string>
}

/** Other processes may commit to the same store; more often than this in a row they hardly will. */
const MAX_TRIES = 5

export function publishing(options: PublishingOptions): Publishing {
  const { store, mesh, models, proposals, clock, changed } = options
  const oneAtATime = serial()

  /** Decides on the newest revision, and anew when another process was faster. */
  const change = (decide: (before: Model) => Promise<Decision>): Promise<Accepted> =>
    oneAtATime(async () => {
      for (let tries = 1; ; tries++) {
        const before = await models.current()
        const decision = await decide(before)
        const { after } = decision
        if (after?.head === undefined) return answer(mesh, before, decision)
        try {
          await store.commit(mesh, after.head)
        } catch (error) {
          if (error instanceof RevisionConflict && tries < MAX_TRIES) continue
          throw error
        }
        models.adopt(after)
        changed()
        return answer(mesh, after, decision)
      }
    })

  const summary = (
    before: Model,
    principal: Principal,
    action: RevisionSummary['action'],
    subject: string,
  ): RevisionSummary => ({
    revision: before.revision + 1,
    atMs: clock.now(),
    by: principalName(principal),
    action,
    subject,
  })

  const putting = (
    before: Model,
    principal: Principal,
    name: string,
    document: MeshDocumentInput,
  ): Proposal => {
    const fragment = {
      owner: before.head?.fragments.get(name)?.owner ?? principalName(principal),
      revision: before.revision + 1,
      updatedAtMs: clock.now(),
      ...encodeContent(document),
    }
    const fragments = new Map([...(before.head?.fragments ?? []), [name, fragment] as const])
    return proposals.mesh(before, fragments, summary(before, principal, 'put', name))
  }

  const deleting = (before: Model, principal: Principal, name: string): Proposal => {
    const fragments = new Map(before.head?.fragments)
    fragments.delete(name)
    return proposals.mesh(before, fragments, summary(before, principal, 'delete', name))
  }

  return {
    put: (principal, name, value, precondition) =>
      change(async before => {
        const document = proposals.fragment(principal, name, value, before)
        const services = Object.keys(document.services ?? {})
        const existing = before.head?.fragments.get(name)
        if (existing?.contentHash === encodeContent(document).contentHash) {
          return { after: undefined, warnings: [], services }
        }
        checkPrecondition(`fragment "${name}"`, precondition, existing?.revision)
        return { ...putting(before, principal, name, document), services }
      }),

    delete: (principal, name, precondition) =>
      change(async before => {
        const existing = before.head?.fragments.get(name)
        if (existing === undefined) return { after: undefined, warnings: [], services: [] }
        checkFragmentOwner(principal, name, existing.owner)
        // Who deletes does not build on what is there: a condition may be given and need not be.
        if (precondition.ifMatch !== undefined) {
          checkPrecondition(`fragment "${name}"`, precondition, existing.revision)
        }
        return { ...deleting(before, principal, name), services: [] }
      }),

    restore: (principal, revision, precondition) =>
      change(async before => {
        if (precondition.ifMatch !== undefined) checkPrecondition('the mesh', precondition, before.revision)
        const old = await store.read(mesh, revision)
        if (old === undefined) {
          throw new Refusal(
            'unknown-revision',
            `revision ${revision} is not kept; the history lists those that are`,
          )
        }
        const services = old.addresses.keys()
        if (before.head !== undefined && sameFragments(before.head.fragments, old.fragments)) {
          return { after: undefined, warnings: [], services }
        }
        const fragments = restored(before, old.fragments, clock.now())
        const next = summary(before, principal, 'restore', `revision ${revision}`)
        return { ...proposals.mesh(before, fragments, next, old.addresses), services }
      }),

    async propose(principal, name, value) {
      const before = await models.current()
      if (value === undefined || value === null) {
        checkFragmentOwner(principal, name, before.head?.fragments.get(name)?.owner)
        return { before, ...deleting(before, principal, name) }
      }
      const document = proposals.fragment(principal, name, value, before)
      return { before, ...putting(before, principal, name, document) }
    },
  }
}

function answer(mesh: string, model: Model, { after, warnings, services }: Decision): Accepted {
  const addresses: Record<string, string> = {}
  for (const service of services) {
    const address = model.addresses.get(service)
    if (address !== undefined) addresses[service] = address
  }
  return { mesh, revision: model.revision, changed: after !== undefined, addresses, warnings: [...warnings] }
}

function sameFragments(a: Fragments, b: Fragments): boolean {
  if (a.size !== b.size) return false
  return [...a].every(([name, fragment]) => b.get(name)?.contentHash === fragment.contentHash)
}

/** Fragments that differ from what is there count as changed now, so that nobody's `If-Match` overlooks them. */
function restored(before: Model, old: Fragments, nowMs: number): Fragments {
  const fragments = new Map<string, StoredFragment>()
  for (const [name, fragment] of old) {
    const now = before.head?.fragments.get(name)
    const same = now?.contentHash === fragment.contentHash && now.owner === fragment.owner
    const changedNow = { ...fragment, revision: before.revision + 1, updatedAtMs: nowMs }
    fragments.set(name, same ? now : changedNow)
  }
  return fragments
}
