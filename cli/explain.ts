import { Command } from 'commander'
import { type Explanation, explain as explainRequest, UnknownName } from '../mesh/explain.ts'
import { CommandError } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import { loadChecked } from './document/checked.ts'
import { renderExplanation } from './explanation/render.ts'

interface ExplainOptions {
  readonly method: string
  readonly header: readonly string[]
  readonly source?: string
  readonly host?: string
  readonly port?: string
  readonly defaults: boolean
  readonly file?: string
}

/** `selvage explain <service> <path>`: what the mesh would do with a request, and why. */
export const explain: CommandFactory = context =>
  new Command('explain')
    .description('say what the mesh would do with a request, and why')
    .argument('<service>', 'service that is dialled')
    .argument('<path>', 'path, with its query')
    .option('--method <method>', 'method', 'GET')
    .option('--header <name:value>', 'header field, repeatable', collect, [])
    .option('--source <workload>', 'workload that calls (default: nobody whom the mesh knows)')
    .option('--host <host>', "Host header (default: the service's own name)")
    .option('--port <port>', "port that is dialled (default: the service's first)")
    .option('--defaults', 'also show the policy fields that have their defaults', false)
    .option('--file <file>', 'mesh document (default: mesh.ts, mesh.yaml, ...)')
    .action((service: string, path: string, options: ExplainOptions) =>
      decide(context, service, path, options),
    )

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

async function decide(
  context: Context,
  service: string,
  path: string,
  options: ExplainOptions,
): Promise<void> {
  if (!path.startsWith('/'))
    throw new CommandError('usage', `<path>: expected it to begin with "/", found "${path}"`)
  const request = {
    service,
    path,
    method: options.method,
    headers: headersOf(options.header),
    source: options.source,
    host: options.host,
    port: options.port === undefined ? undefined : portOf(options.port),
  }
  const document = await loadChecked(options.file, context.cwd)
  const explanation = named(() => explainRequest(document.value, request))
  context.terminal.report({ ok: true, ...explanation }, style =>
    renderExplanation(explanation, style, options.defaults),
  )
}

/** Repeated fields are joined, as RFC 9110 section 5.3 says. */
function headersOf(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):(.*)$/s.exec(field) ?? []
    if (name === undefined || value === undefined) {
      throw new CommandError(
        'usage',
        `--header: expected <name>:<value> such as "x-user-type: beta-tester", found "${field}"`,
      )
    }
    const key = name.toLowerCase()
    headers[key] = headers[key] === undefined ? value.trim() : `${headers[key]}, ${value.trim()}`
  }
  return headers
}

function portOf(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new CommandError('usage', `--port: expected a number from 1 to 65535, found "${text}"`)
}

function named(run: () => Explanation): Explanation {
  try {
    return run()
  } catch (error) {
    if (error instanceof UnknownName) throw new CommandError('usage', error.message, { cause: error })
    throw error
  }
}
