/** What the demo was asked for on its command line. */

export interface Arguments {
  /** Print the summary as JSON on stdout and nothing else there. */
  readonly json: boolean
  /** Leave everything running at the end. */
  readonly keep: boolean
}

export const USAGE = `usage: npm run demo -- [--json] [--keep]
  --json  print only the summary, as JSON, on stdout; progress goes to stderr
  --keep  leave everything running at the end, to play with
Exit code: 0 all of it held, 1 something did not, 2 wrong usage.`

export type Asked = Arguments | { readonly help: true } | { readonly wrong: string }

export function readArguments(words: readonly string[]): Asked {
  if (words.includes('--help') || words.includes('-h')) return { help: true }
  const wrong = words.find(word => word !== '--json' && word !== '--keep')
  if (wrong !== undefined) return { wrong: `unknown argument "${wrong}"` }
  return { json: words.includes('--json'), keep: words.includes('--keep') }
}
