import { CommandError } from '../command-error.ts'
import { type CheckedDocument, lineOf, loadChecked } from '../document/checked.ts'
import { bringUp, type Session } from './bring-up.ts'
import { publish } from './control.ts'
import type { Journal } from './journal.ts'
import { changedSince, watchFiles } from './watch.ts'

/**
 * Follows the document's files until the person interrupts. A document that is wrong is explained, and the mesh
 * goes on with the last good one. `done` is called after every change that took effect. `loadedAtMs`: when `first` began
 * to be read; what was written since then, while the mesh came up, counts as a change.
 */
export async function followChanges(
  session: Session,
  first: CheckedDocument,
  loadedAtMs: number,
  done: () => void,
): Promise<void> {
  const { context } = session
  let current = first
  let work: Promise<void> = Promise.resolve()
  const over = Promise.withResolvers<void>()
  const changed = () => {
    work = work.then(async () => {
      current = await reload(session, current, files => watch.follow(files), done)
    })
    work.catch(over.reject)
  }
  const watch = watchFiles(context.clock, changed)
  watch.follow(first.files)
  if (changedSince(first.files, loadedAtMs)) changed()
  const interrupted = context.interrupted()
  interrupted.addEventListener('abort', () => over.resolve(), { once: true })
  if (interrupted.aborted) over.resolve()
  try {
    await over.promise
    watch.close()
    await work
  } finally {
    watch.close()
  }
}

/** One change, from the files to every sidecar; returns the document that is published after it. */
async function reload(
  session: Session,
  current: CheckedDocument,
  follow: (files: readonly string[]) => void,
  done: () => void,
): Promise<CheckedDocument> {
  const { context, journal } = session
  let published = current
  if (context.interrupted().aborted) return published
  try {
    const next = { ...(await loadChecked(current.file, context.cwd)), name: current.name }
    follow(next.files)
    if (JSON.stringify(next.value) === JSON.stringify(current.value)) return published
    assertSameMesh(current, next)
    const { revision } = await publish(session.control, next)
    published = next
    sayWarnings(journal, next)
    const tookMs = await bringUp(session, next, revision)
    done()
    journal.say(`${next.name} has changed: revision ${revision} is in force after ${Math.round(tookMs)} ms`)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    for (const line of error.message.split('\n')) journal.say(line)
    journal.say('the mesh goes on with what it had before')
  }
  return published
}

/** What is accepted and may still surprise. */
export function sayWarnings(journal: Journal, document: CheckedDocument): void {
  for (const warning of document.warnings) journal.say(`warning: ${lineOf(warning)}`)
}

/** Certificates and tokens carry these names: they stay as they are while the mesh runs. */
function assertSameMesh(current: CheckedDocument, next: CheckedDocument): void {
  for (const key of ['name', 'trustDomain'] as const) {
    const [before, after] = [current.value[key], next.value[key]]
    if (before === after) continue
    throw new CommandError(
      'wrong',
      `${next.name}: ${key} has changed from "${before}" to "${after}", which needs a new start of "selvage dev"`,
    )
  }
}
