import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { CommandError } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import type { DevOptions } from './dev/options.ts'
import { STATE_FOLDER } from './state.ts'

interface Given {
  readonly run: readonly string[]
  readonly endpoints: readonly string[]
  readonly interception: DevOptions['interception']
  readonly httpProxy: boolean
  readonly port: number
  readonly stateDir: string
}

/** `selvage dev [file]`: the whole mesh on this machine, until Ctrl-C. */
export const dev: CommandFactory = context =>
  new Command('dev')
    .description('run the mesh here: control plane, a sidecar for every workload, and your own commands')
    .argument('[file]', 'mesh document (default: mesh.ts, mesh.yaml, ...)')
    .option(
      '--run <workload=command>',
      'command that is the app of a workload, repeatable (also "selvage.run" in package.json)',
      collect,
      [],
    )
    .option(
      '--endpoints <workload=number>',
      'how many endpoints a workload has, repeatable (default: 1)',
      collect,
      [],
    )
    .addOption(
      new Option('--interception <way>', 'how calls get into the sidecars')
        .choices(['auto', 'explicit', 'loopback'])
        .default('auto'),
    )
    .option(
      '--http-proxy',
      'set HTTP_PROXY for the commands, so that they may call http://<service>.<mesh>.internal/',
      false,
    )
    .addOption(
      new Option('--port <port>', 'port of the control plane (0: a free one)').default(0).argParser(port),
    )
    .option('--state-dir <dir>', 'folder that keeps the state, private to you', STATE_FOLDER)
    .addHelpText('after', NOTES)
    .action((file: string | undefined, given: Given) => start(context, file, given))

const NOTES = `
A command gets PORT (where its app must listen), PORT_<targetPort> for each port, <SERVICE>_URL for each service
that it may call, SELVAGE_WORKLOAD, SELVAGE_MESH and SELVAGE_HTTP_PROXY. It is started again when it dies.

  selvage dev --run 'web=node web.js' --run 'payments/v1=node pay.js' --endpoints payments/v1=2`

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

function port(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value
  throw new CommandError('usage', `--port: expected a number from 0 to 65535, found "${text}"`)
}

async function start(context: Context, file: string | undefined, given: Given): Promise<void> {
  // Control plane and proxy are large: the other commands start without them.
  const { runDev } = await import('./dev/session.ts')
  await runDev(context, { ...given, file, stateDir: resolve(context.cwd, given.stateDir) })
}
