import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml'
import { CommandError, reasonOf } from '../command-error.ts'
import type { LoadedDocument, Position } from './load.ts'

/** Far above any mesh that people write, far below what exhausts memory. */
const MAX_BYTES = 8 * 1024 * 1024

/** Reads a YAML or JSON document; keeps the syntax tree, so that violations can be shown at their place. */
export async function parseText(file: string, name: string): Promise<LoadedDocument> {
  const text = await readText(file, name)
  if (extname(file) === '.json') assertJson(text, name)
  const lines = new LineCounter()
  const document = parseYaml(text, name, lines)
  return {
    file,
    name,
    value: toValue(document, name),
    positionOf: path => positionOf(document, lines, path),
    files: [file],
  }
}

async function readText(file: string, name: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new CommandError('missing', `cannot read ${name}: ${reasonOf(error)}`, { cause: error })
  }
  if (bytes.length > MAX_BYTES) {
    throw new CommandError('wrong', `${name} has ${bytes.length} bytes; a document has at most ${MAX_BYTES}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new CommandError('wrong', `${name} is not text: expected UTF-8`, { cause: error })
  }
}

/** YAML reads nearly all JSON and more; a file that says it is JSON has to be it. */
function assertJson(text: string, name: string): void {
  const message = jsonError(text)
  if (message === undefined) return
  const stated = /position (\d+)/.exec(message)
  const offset = stated === null ? firstBadOffset(text) : Number(stated[1])
  const what = message.replace(
    /, (?:\.\.\.)?"[\s\S]*is not valid JSON$|(?: in JSON)? at position [\s\S]*$/,
    '',
  )
  throw syntaxError(name, positionAt(text, offset), what)
}

function jsonError(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * V8 does not say where an unexpected token stands. A text cut before it is merely incomplete, and one cut after
 * it is wrong, so its place is found by halving.
 */
function firstBadOffset(text: string): number {
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (isIncomplete(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function isIncomplete(text: string): boolean {
  const message = jsonError(text)
  return (
    message === undefined ||
    message.includes('end of JSON input') ||
    message.includes(`position ${text.length} `)
  )
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - (before.lastIndexOf('\n') + 1) + 1 }
}

function parseYaml(text: string, name: string, lineCounter: LineCounter): Document.Parsed {
  const documents = parse(text, name, lineCounter)
  const [document, second] = documents
  if (document === undefined || document.contents === null) {
    throw new CommandError('wrong', `${name} is empty: expected a mesh document`)
  }
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    throw syntaxError(
      name,
      { line, column: col },
      error.message.replace(/ at line \d+, column \d+:?[\s\S]*$/, ''),
    )
  }
  if (second !== undefined) {
    const { line } = lineCounter.linePos(second.range[0])
    throw new CommandError('wrong', `${name}:${line}: expected one document, found a second one ("---")`)
  }
  return document
}

function parse(text: string, name: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: true,
      logLevel: 'silent',
    })
    return 'empty' in parsed ? [] : parsed
  } catch (error) {
    throw new CommandError('wrong', `${name} cannot be parsed: ${(error as Error).message}`, { cause: error })
  }
}

const syntaxError = (name: string, at: Position, message: string): CommandError =>
  new CommandError('wrong', `${name}:${at.line}:${at.column}: ${message}`, { data: { file: name, ...at } })

function toValue(document: Document.Parsed, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new CommandError('wrong', `${name} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * The place of `routes[1].to` and the like: the nearest node that is there, so that a missing key is shown at what
 * lacks it. Keys may hold dots and slashes themselves, so the longest key that fits the rest of the path wins.
 */
function positionOf(document: Document.Parsed, lines: LineCounter, path: string): Position | undefined {
  let node: Node | null = document.contents
  let at: Node | null = node
  let rest = path
  while (rest !== '' && node !== null) {
    const step = stepInto(isAlias(node) ? (node.resolve(document) ?? null) : node, rest)
    if (step === undefined) break
    at = step.at
    node = step.value
    rest = step.rest
  }
  const offset = at?.range?.[0]
  if (offset === undefined) return undefined
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

interface Step {
  readonly at: Node
  readonly value: Node | null
  readonly rest: string
}

function stepInto(node: Node | null, path: string): Step | undefined {
  if (isSeq<Node>(node)) {
    const index = /^\[(\d+)\]\.?/.exec(path) ?? /^(\d+)(?:\.|(?=\[)|$)/.exec(path)
    const item = index === null ? undefined : node.items[Number(index[1])]
    return item === undefined ? undefined : { at: item, value: item, rest: path.slice(index![0].length) }
  }
  return isMap<Node, Node | null>(node) ? longestKey(node, path) : undefined
}

function longestKey(map: YAMLMap<Node, Node | null>, path: string): Step | undefined {
  let best: Step | undefined
  for (const pair of map.items) {
    const rest = afterKey(path, keyOf(pair))
    if (rest !== undefined && (best === undefined || rest.length < best.rest.length)) {
      best = { at: pair.key, value: pair.value, rest }
    }
  }
  return best
}

const keyOf = (pair: Pair<Node, Node | null>): string => (isScalar(pair.key) ? String(pair.key.value) : '')

/** What is left of a path after a key, written plainly or as `["key"]`; undefined when it does not begin with it. */
function afterKey(path: string, key: string): string | undefined {
  for (const written of [key, `[${JSON.stringify(key)}]`]) {
    if (!path.startsWith(written)) continue
    const rest = path.slice(written.length)
    if (rest === '' || rest[0] === '[') return rest
    if (rest[0] === '.') return rest.slice(1)
  }
  return undefined
}
