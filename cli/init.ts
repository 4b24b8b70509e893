import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { Command } from 'commander'
import { CommandError, reasonOf } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import { manifestWith } from './init/manifest.ts'
import { FILES, IGNORED } from './init/templates.ts'
import { ownVersion } from './version.ts'

/** `selvage init [dir]`: a first mesh that runs as it is. */
export const init: CommandFactory = context =>
  new Command('init')
    .description('write a first mesh.ts, two small apps and package scripts')
    .argument('[dir]', 'where to write', '.')
    .option('--force', 'overwrite what is there', false)
    .action((dir: string, options: { force: boolean }) => write(context, dir, options.force))

type Change = 'created' | 'changed' | 'unchanged'

interface PlannedFile {
  readonly name: string
  readonly text: string
  readonly change: Change
}

function write(context: Context, dir: string, force: boolean): void {
  const folder = resolve(context.cwd, dir)
  const files = plan(folder, force)
  for (const { name, text, change } of files) {
    if (change !== 'unchanged') save(folder, name, text)
  }
  const there = relative(context.cwd, folder)
  context.terminal.report(
    { ok: true, dir: folder, files: files.map(({ name, change }) => ({ name, change })) },
    style =>
      [
        ...files.map(
          ({ name, change }) =>
            `${style(change === 'unchanged' ? 'dim' : 'green', change.padEnd(9))}  ${join(there, name)}`,
        ),
        '',
        'Run it:',
        ...(there === '' ? [] : [`  cd ${there}`]),
        '  npx selvage dev',
      ].join('\n'),
  )
}

/** Everything is worked out before anything is written: a conflict leaves the folder as it was. */
function plan(folder: string, force: boolean): PlannedFile[] {
  const before = (name: string) => readIfThere(folder, name)
  const files = Object.entries(FILES).map(([name, text]) => planned(name, before(name), text))
  const conflicts = force ? [] : files.filter(({ change }) => change === 'changed').map(({ name }) => name)
  const manifest = manifestWith(before('package.json'), ownVersion(), force)
  conflicts.push(...manifest.conflicts)
  if (conflicts.length > 0) {
    throw new CommandError(
      'usage',
      `there already, and different: ${conflicts.join(', ')}; nothing was written`,
      {
        hint: 'Name an empty folder ("npx selvage init my-mesh"), or overwrite with --force.',
        data: { conflicts },
      },
    )
  }
  return [
    ...files,
    planned('package.json', before('package.json'), manifest.text),
    planned('.gitignore', before('.gitignore'), ignoring(before('.gitignore'))),
  ]
}

const planned = (name: string, before: string | undefined, text: string): PlannedFile => ({
  name,
  text,
  change: before === undefined ? 'created' : before === text ? 'unchanged' : 'changed',
})

function ignoring(before: string | undefined): string {
  if (before === undefined) return `node_modules/\n${IGNORED}\n`
  if (before.split(/\r?\n/).some(line => /^\/?\.selvage\/?$/.test(line.trim()))) return before
  return `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${IGNORED}\n`
}

function readIfThere(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CommandError('missing', `cannot read ${join(folder, name)}: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

function save(folder: string, name: string, text: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, name), text)
  } catch (error) {
    throw new CommandError('missing', `cannot write ${join(folder, name)}: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
