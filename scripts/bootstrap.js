// Runs before installation, on whatever Node (20 or newer) and npm the machine has: plain JavaScript,
// no dependencies. Installs the locked dependencies, among them the toolchain's own Node, when they are
// missing or older than the lock file. Its output goes to stderr: stdout belongs to the script that follows.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lock = join(root, 'package-lock.json')
const stamp = join(root, 'node_modules', '.selvage-lock.json')

const installed = () =>
  existsSync(stamp) &&
  existsSync(join(root, 'node_modules', 'node', 'bin')) &&
  readFileSync(stamp, 'utf8') === readFileSync(lock, 'utf8')

if (!installed()) {
  process.stderr.write('Installing dependencies (once; npm ci) ...\n')
  const npm = process.env.npm_execpath
  const args = [
    'ci',
    '--loglevel=error',
    '--no-fund',
    '--no-audit',
    '--include=dev',
    '--ignore-scripts=false',
  ]
  const command = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args]
  const run = spawnSync(command[0], command[1], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command[0] === 'npm',
  })
  if (run.status !== 0) {
    process.stderr.write(
      `selvage: "npm ci" failed (${run.error?.message ?? `exit code ${run.status ?? run.signal}`}); ` +
        'its own message is above. It needs the npm registry.\n',
    )
    process.exit(1)
  }
  copyFileSync(lock, stamp)
}
