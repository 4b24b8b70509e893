#!/usr/bin/env node
// The `selvage` command. Plain JavaScript for Node 20, so that a Node that is too old for the rest still gets a
// sentence and not a syntax error. Where this Node is too old, the Node that the npm package `node` has installed
// nearby (the toolchain of this repository pins one) takes over.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** From here on Node strips types and has the hooks that the command needs. */
const NEEDED_MAJOR = 24
const MISSING = 3

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'cli', 'main.ts')
const main = existsSync(source) ? source : join(root, 'cli', 'main.js')

const nodeNearby = () => {
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(
      folder,
      'node_modules',
      'node',
      'bin',
      process.platform === 'win32' ? 'node.exe' : 'node',
    )
    if (existsSync(candidate)) return candidate
    if (folder === dirname(folder)) return undefined
  }
}

const handOver = node => {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both of us; the child acts on the first signal and overlooks its echo.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    process.stderr.write(`selvage: cannot start ${node}: ${error.message}\n`)
    process.exitCode = MISSING
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128)
  })
}

if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) {
  await import(pathToFileURL(main).href)
} else {
  const newer = nodeNearby()
  if (newer === undefined) {
    process.stderr.write(
      `selvage: needs Node ${NEEDED_MAJOR} or newer, and this is Node ${process.versions.node}. ` +
        'Install a newer one (https://nodejs.org), or "npm install --save-dev node@26" in this project.\n',
    )
    process.exitCode = MISSING
  } else {
    handOver(newer)
  }
}
