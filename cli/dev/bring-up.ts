import type { ControlPlane } from '../../control/index.ts'
import { resolve } from '../../mesh/resolve.ts'
import type { Context } from '../context.ts'
import type { CheckedDocument } from '../document/checked.ts'
import type { ControlClient } from '../remote/control-client.ts'
import { awaitEnforcement } from '../remote/enforcement.ts'
import { count } from '../terminal/terminal.ts'
import type { Fleet } from './fleet.ts'
import { instancesOf } from './instances.ts'
import type { Journal } from './journal.ts'
import type { RunOptions } from './run-options.ts'

/** A mesh that runs: what every change of the document goes through. */
export interface Session {
  readonly context: Context
  readonly control: ControlPlane
  readonly client: ControlClient
  readonly fleet: Fleet
  readonly run: RunOptions
  readonly journal: Journal
}

/** A sidecar that does not follow within this time is reported, and waited for no longer. */
const PATIENCE_MS = 10_000

/**
 * Brings everybody to a document that was published as this revision: sidecars that are new start, those that are
 * not wanted end, and apps start when their sidecar knows what they may call. Resolves with the time it took.
 */
export async function bringUp(
  session: Session,
  document: CheckedDocument,
  revision: number,
): Promise<number> {
  const { context, fleet, client, run, journal } = session
  const startedMs = context.clock.monotonic()
  const instances = instancesOf(resolve(document.value), run)
  const progress = context.terminal.progress(`Starting ${count(instances.length, 'sidecar')}`)
  try {
    await fleet.reconcile(instances)
    // Whoever is new knows the newest already; the others may wait for its endpoints.
    await Promise.all(fleet.members.filter(member => !member.started).map(member => member.refresh()))
    const { lagging } = await awaitEnforcement(context, client, revision, PATIENCE_MS)
    for (const { workload, id, refused } of lagging) {
      journal.say(
        `${workload} (${id}) ${refused === undefined ? 'does not follow yet' : `refused the configuration: ${refused}`}`,
      )
    }
    await Promise.all(fleet.members.map(member => member.refresh()))
    return context.clock.monotonic() - startedMs
  } finally {
    progress.done()
  }
}
