import process from 'node:process'
import { run } from './program.ts'

// `selvage status | head` closes our stdout early; that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

process.exitCode = await run(process.argv.slice(2), process)
