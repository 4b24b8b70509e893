/**
 * The process that runs an author's module (see module.ts): imports it, takes the default export, sends it to the
 * parent as JSON with the list of local files it was made of, and ends.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Violation } from '../../mesh/violation.ts'
import { unplainPath } from './plain.ts'

export type Evaluation =
  | { readonly ok: true; readonly json: string; readonly files: readonly string[] }
  /** `defineMesh` has checked what it was given, and refused it. */
  | { readonly ok: 'invalid'; readonly violations: readonly Violation[]; readonly files: readonly string[] }
  | {
      readonly ok: false
      readonly message: string
      readonly hint?: string
      /** Absolute path of the file at fault, when that is known. */
      readonly file?: string
      readonly line?: number
      readonly stack?: string
    }

const files: string[] = []

const isLocal = (url: string): boolean => url.startsWith('file:') && !url.includes('/node_modules/')

registerHooks({
  /** A project that has not installed `selvage` gets the one that runs this command. */
  resolve(specifier, context, next) {
    try {
      return next(specifier, context)
    } catch (error) {
      const own = /^selvage(\/|$)/.test(specifier)
      if (!own || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
      return next(specifier, { ...context, parentURL: import.meta.url })
    }
  },
  /** `npm init` writes `"type": "commonjs"`, and a mesh document is a module all the same. */
  load(url, context, next) {
    if (!isLocal(url) || import.meta.url === url) return next(url, context)
    files.push(fileURLToPath(url))
    return next(url, url.endsWith('.ts') ? { ...context, format: 'module-typescript' } : context)
  },
})

async function evaluate(file: string): Promise<Evaluation> {
  let module: Record<string, unknown>
  try {
    module = await import(pathToFileURL(file).href)
  } catch (error) {
    return failureOf(error)
  }
  return documentOf(module)
}

function documentOf(module: Record<string, unknown>): Evaluation {
  if (!('default' in module)) {
    const named = Object.keys(module)
    const found = named.length === 0 ? 'no export at all' : `the exports ${named.join(', ')}`
    return {
      ok: false,
      message: `expected a default export, found ${found}`,
      hint: 'Write "export default defineMesh({ ... })".',
    }
  }
  const document = module.default
  if (typeof document !== 'object' || document === null) {
    return {
      ok: false,
      message: `expected the default export to be a mesh document (an object), found ${named(document)}`,
    }
  }
  const unplain = unplainPath(document)
  if (unplain !== undefined) {
    return {
      ok: false,
      message: `${unplain.path} is ${unplain.found}; a mesh document holds plain values only`,
    }
  }
  return { ok: true, json: JSON.stringify(document), files }
}

const named = (value: unknown): string => (typeof value === 'function' ? 'a function' : String(value))

const ADVICE: Readonly<Record<string, string>> = {
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX:
    'Node runs TypeScript by removing types: enums, namespaces with code and parameter properties cannot be removed.',
  ERR_MODULE_NOT_FOUND: 'Local imports need their file ending ("./names.ts"); packages need to be installed.',
}

function failureOf(error: unknown): Evaluation {
  if (!(error instanceof Error)) return { ok: false, message: `it threw ${String(error)}` }
  // By its name: the project may have a copy of the package of its own.
  if (error.name === 'InvalidMesh' && 'violations' in error) {
    return { ok: 'invalid', violations: error.violations as readonly Violation[], files }
  }
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const stack = error.stack ?? ''
  const place = placeIn(stack)
  const hint = ADVICE[code]
  return {
    ok: false,
    message: sentence(error),
    stack,
    ...place,
    ...(hint === undefined ? {} : { hint }),
  }
}

function sentence(error: Error): string {
  const [first = ''] = error.message.split('\n').filter(line => line.trim() !== '')
  const text = first.replaceAll(/file:\/\/(\/[^\s'"]+)/g, '$1')
  return error.name === 'SyntaxError' ? `syntax error: ${text}` : text
}

/** The first place in the author's own files that a stack names: the head of a syntax error, or a frame. */
function placeIn(stack: string): { file: string; line: number } | undefined {
  for (const [, url, line] of stack.matchAll(
    /(file:\/\/[^\s()]+?|(?<=[\s(])\/[^\s()]+?|^\/[^\s()]+?):(\d+)/gm,
  )) {
    const file = url!.startsWith('file:') ? fileURLToPath(url!) : url!
    if (files.includes(file)) return { file, line: Number(line) }
  }
  return undefined
}

// Nobody waits for the document any more.
process.on('disconnect', () => process.exit(1))

const file = process.argv[2]!
process.send!(await evaluate(file), () => process.exit(0))
