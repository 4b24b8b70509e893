/**
 * `npm run demo`: a shop behind a mesh, traffic through it, and every mishap that it must survive.
 * Exit code: 0 all of it held, 1 something did not, 2 wrong usage, 128 + n for signal n.
 */
import { constants } from 'node:os'
import { type Arguments, readArguments, USAGE } from './arguments.ts'
import { monotonicMs } from './clock.ts'
import { howToPlay, report } from './report.ts'
import { type Screen, screenOn } from './screen.ts'
import { Shop } from './shop.ts'
import { type Result, Show } from './show.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Nothing outlives the demo: not by its end, not by an error, not by Ctrl-C. */
function cleanUpAlways(shop: Shop, screen: Screen): void {
  process.on('exit', () => {
    screen.close()
    shop.closeNow()
  })
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      screen.close()
      void shop.close().then(() => process.exit(128 + constants.signals[signal]))
    })
  }
}

async function perform({ json, keep }: Arguments): Promise<number> {
  const startedMs = monotonicMs()
  const output = json ? process.stderr : process.stdout
  const say = (text: string) => output.write(`${text}\n`)
  const screen = screenOn(output)
  const shop = new Shop()
  cleanUpAlways(shop, screen)

  try {
    await shop.open(say)
    const result = await new Show(shop, screen, startedMs).run()
    screen.close()
    finish(result, json, say)
    if (keep) await keepOpen(shop, say)
    return result.problems.length === 0 ? 0 : 1
  } finally {
    await shop.close()
  }
}

function finish(result: Result, json: boolean, say: (text: string) => void): void {
  if (json) process.stdout.write(`${JSON.stringify(result.summary, null, 2)}\n`)
  else say(report(result))
  for (const problem of result.problems) process.stderr.write(`did not hold: ${problem}\n`)
}

/** Until a signal comes. */
async function keepOpen(shop: Shop, say: (text: string) => void): Promise<void> {
  await shop.startControl()
  say(howToPlay(shop))
  await new Promise(() => setInterval(() => {}, 60_000))
}

async function main(): Promise<number> {
  const asked = readArguments(process.argv.slice(2))
  if ('help' in asked) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  if ('wrong' in asked) {
    process.stderr.write(`selvage demo: ${asked.wrong}\n${USAGE}\n`)
    return 2
  }
  try {
    return await perform(asked)
  } catch (error) {
    process.stderr.write(`selvage demo: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

process.exit(await main())
