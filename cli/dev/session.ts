/** `selvage dev`, from start to Ctrl-C: one page that says what happens in which order. */
import { dirname } from 'node:path'
import { type ResolvedMesh, resolve } from '../../mesh/resolve.ts'
import type { Context } from '../context.ts'
import { loadChecked } from '../document/checked.ts'
import { connect } from '../remote/control-client.ts'
import { openStateFolder, removeDevState, writeDevState } from '../state.ts'
import { bringUp } from './bring-up.ts'
import { publish, startControl } from './control.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { instancesOf } from './instances.ts'
import { chooseInterception } from './interception.ts'
import { openJournal } from './journal.ts'
import { memberStarter } from './member.ts'
import type { DevOptions } from './options.ts'
import { devState, overview, renderOverview } from './overview.ts'
import { followChanges, sayWarnings } from './reload.ts'
import { assertWorkloads, manifestCommands, type RunOptions, readRunOptions } from './run-options.ts'

/** Runs until `context.interrupted`; leaves no process and no open port behind, however it ends. */
export async function runDev(context: Context, options: DevOptions): Promise<void> {
  context.interrupted()
  const loadedAtMs = context.clock.now()
  const document = await loadChecked(options.file, context.cwd)
  const mesh = resolve(document.value)
  const { commands, folder } = manifestCommands(dirname(document.file))
  const run = runOptions(options, commands, mesh)
  await openStateFolder(options.stateDir)
  const control = await startControl(document, options)
  let fleet: Fleet | undefined
  try {
    const journal = openJournal(context.terminal)
    const accepted = await publish(control, document)
    const instances = instancesOf(mesh, run)
    const interception = await chooseInterception({
      wanted: options.interception,
      mesh,
      instances,
      addresses: accepted.addresses,
    })
    const setHttpProxy = options.httpProxy
    const start = memberStarter({
      context,
      mesh: mesh.name,
      control,
      folder,
      journal,
      interception,
      setHttpProxy,
    })
    fleet = createFleet(start)
    const access = {
      url: new URL(control.url),
      token: control.operatorToken,
      caSha256: control.caSha256,
      mesh: mesh.name,
    }
    const session = { context, control, client: await connect(access, mesh.name), fleet, run, journal }
    sayWarnings(journal, document)
    await bringUp(session, document, accepted.revision)
    const where = { mesh: mesh.name, controlUrl: control.url, interception, members: fleet.members }
    const remember = () => writeDevState(options.stateDir, devState({ ...where, members: fleet!.members }))
    remember()
    context.terminal.report(overview(where), style => renderOverview(where, style))
    await followChanges(session, document, loadedAtMs, remember)
    journal.say('draining')
  } finally {
    await fleet?.stop()
    await control.stop()
    removeDevState(options.stateDir)
  }
}

function runOptions(
  { run, endpoints }: DevOptions,
  manifest: Readonly<Record<string, string>>,
  mesh: ResolvedMesh,
): RunOptions {
  const options = readRunOptions(run, endpoints, manifest)
  assertWorkloads(options, [...mesh.workloads.keys()])
  return options
}
