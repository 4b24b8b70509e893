import { CommandError } from '../command-error.ts'
import { RUN, SCRIPTS } from './templates.ts'

type Section = Record<string, unknown>

/**
 * package.json with what `dev` needs added: scripts, the commands to run, the package itself. Everything that is
 * there already stays; what stands in the way is listed in `conflicts` and overwritten only with `force`.
 */
export function manifestWith(
  text: string | undefined,
  version: string,
  force: boolean,
): { text: string; conflicts: string[] } {
  const manifest = text === undefined ? { private: true } : parse(text)
  const conflicts: string[] = []
  const add = (section: Section, name: string, wanted: Readonly<Record<string, unknown>>): Section => {
    for (const [key, value] of Object.entries(wanted)) {
      if (section[key] !== undefined && section[key] !== value)
        conflicts.push(`package.json ${name}["${key}"]`)
      if (section[key] === undefined || force) section[key] = value
    }
    return section
  }
  const settings = section(manifest, 'selvage')
  const result = {
    ...manifest,
    ...moduleType(manifest),
    scripts: add(section(manifest, 'scripts'), 'scripts', SCRIPTS),
    selvage: { ...settings, run: add(section(settings, 'run'), 'selvage.run', RUN) },
    ...dependency(manifest, version),
  }
  return { text: `${JSON.stringify(result, null, indentOf(text))}\n`, conflicts: force ? [] : conflicts }
}

function parse(text: string): Section {
  try {
    const value: unknown = JSON.parse(text)
    if (isSection(value)) return value
  } catch (error) {
    throw new CommandError('wrong', `package.json is not JSON: ${(error as Error).message}`, { cause: error })
  }
  throw new CommandError('wrong', 'package.json: expected an object')
}

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function section(parent: Section, name: string): Section {
  const value = parent[name]
  if (value === undefined) return {}
  if (isSection(value)) return { ...value }
  throw new CommandError(
    'wrong',
    `package.json: expected "${name}" to be an object, found ${JSON.stringify(value)}`,
  )
}

/** Whoever depends on the package already has chosen the version. */
function dependency(manifest: Section, version: string): Section {
  const has = ['dependencies', 'devDependencies'].some(name => 'selvage' in section(manifest, name))
  return has || manifest.name === 'selvage'
    ? {}
    : { devDependencies: { ...section(manifest, 'devDependencies'), selvage: `^${version}` } }
}

/** Keys of a package.json that nobody has written by hand: ours, or what `npm install` makes in an empty folder. */
const UNWRITTEN: ReadonlySet<string> = new Set(['private', 'dependencies', 'devDependencies'])

/** Node warns when a test imports a `mesh.ts` whose package does not say what it is; an author's silence is kept. */
const moduleType = (manifest: Section): Section =>
  Object.keys(manifest).every(key => UNWRITTEN.has(key)) ? { type: 'module' } : {}

/** Keeps the author's indentation. */
function indentOf(text: string | undefined): string {
  return /^\{\r?\n([ \t]+)"/.exec(text ?? '')?.[1] ?? '  '
}
