import { Command } from 'commander'
import type { CommandFactory, Context } from './context.ts'
import { type Checked, check, lineOf } from './document/checked.ts'
import { loadDocument } from './document/load.ts'
import { count, type Style } from './terminal/terminal.ts'

/** `selvage validate [file]`: every violation of the document with its place, and what is odd about it. */
export const validate: CommandFactory = context =>
  new Command('validate')
    .description('check the document: every violation with its place')
    .argument('[file]', 'mesh document (default: mesh.ts, mesh.yaml, ...)')
    .action((file: string | undefined) => examine(context, file))

async function examine(context: Context, file: string | undefined): Promise<void> {
  const progress = context.terminal.progress(`Loading ${file ?? 'the document'}`)
  try {
    const checked = check(await loadDocument(file, context.cwd))
    progress.done()
    if (!checked.ok) context.end('wrong')
    context.terminal.report(summary(checked), style => render(checked, style))
  } finally {
    progress.done()
  }
}

const summary = (checked: Checked) =>
  checked.ok
    ? { ok: true, file: checked.document.name, violations: [], warnings: checked.document.warnings }
    : { ok: false, file: checked.name, violations: checked.violations, warnings: checked.warnings }

function render(checked: Checked, style: Style): string {
  const { file, violations, warnings } = summary(checked)
  const verdict = checked.ok
    ? `${style('green', '✓')} ${file} is valid: ${contents(checked.document.value)}`
    : `${style('red', '✗')} ${file} has ${count(violations.length, 'violation')}`
  return [
    ...violations.map(violation => `${style('red', 'error:')} ${lineOf(violation)}`),
    ...warnings.map(warning => `${style('yellow', 'warning:')} ${lineOf(warning)}`),
    verdict,
  ].join('\n')
}

type Document = Extract<Checked, { ok: true }>['document']['value']

function contents(document: Document): string {
  const services = Object.keys(document.services ?? {}).length
  const routes = document.routes?.length ?? 0
  return `mesh "${document.name}" with ${count(services, 'service')} and ${count(routes, 'route')}`
}
