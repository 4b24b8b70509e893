/**
 * A mesh document from a file: TypeScript and JavaScript modules are run in a process of their own, YAML and JSON
 * are parsed with positions. What comes out is a plain value that nobody has checked yet.
 */
import { existsSync, statSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import type { Violation } from '../../mesh/violation.ts'
import { CommandError, reasonOf } from '../command-error.ts'
import { evaluateModule } from './module.ts'
import { parseText } from './text.ts'

export interface Position {
  readonly line: number
  readonly column: number
}

export interface LoadedDocument {
  /** Absolute path. */
  readonly file: string
  /** As the person named it, for messages. */
  readonly name: string
  /** What the file says; unchecked. */
  readonly value: unknown
  /** Given when `defineMesh` found them while the module ran; there is no value then. */
  readonly violations?: readonly Violation[]
  /** Where in the file a path of the document stands (YAML and JSON only). */
  readonly positionOf: (path: string) => Position | undefined
  /** Every local file that the document was made of, itself included. */
  readonly files: readonly string[]
}

/** Tried in this order when no file is named. */
export const DEFAULT_FILES = [
  'mesh.ts',
  'mesh.mts',
  'mesh.js',
  'mesh.mjs',
  'mesh.yaml',
  'mesh.yml',
  'mesh.json',
]

const LOADERS: Readonly<Record<string, (file: string, name: string) => Promise<LoadedDocument>>> = {
  '.ts': evaluateModule,
  '.mts': evaluateModule,
  '.js': evaluateModule,
  '.mjs': evaluateModule,
  '.yaml': parseText,
  '.yml': parseText,
  '.json': parseText,
}

/** Throws a `CommandError` that names the file, what is wrong with it and what to do. */
export async function loadDocument(given: string | undefined, cwd: string): Promise<LoadedDocument> {
  const name = given ?? defaultFile(cwd)
  const file = resolve(cwd, name)
  const load = LOADERS[extname(file)]
  if (load === undefined) {
    throw new CommandError(
      'usage',
      `${name}: expected a file that ends in ${Object.keys(LOADERS).join(', ')}, found "${basename(file)}"`,
    )
  }
  assertFile(file, name)
  return load(file, name)
}

function defaultFile(cwd: string): string {
  const found = DEFAULT_FILES.find(name => existsSync(resolve(cwd, name)))
  if (found !== undefined) return found
  throw new CommandError(
    'missing',
    `no mesh document in ${cwd}: expected one of ${DEFAULT_FILES.join(', ')}`,
    {
      hint: 'Name the file, or write a first one with "npx selvage init".',
    },
  )
}

function assertFile(file: string, name: string): void {
  let kind: ReturnType<typeof statSync>
  try {
    kind = statSync(file)
  } catch (error) {
    throw new CommandError('missing', `cannot read ${name}: ${reasonOf(error)}`, {
      hint: `Looked for ${file}.`,
      cause: error,
    })
  }
  if (!kind.isFile()) {
    throw new CommandError(
      'missing',
      `cannot read ${name}: expected a file, found ${kind.isDirectory() ? 'a folder' : 'something else'}`,
    )
  }
}
