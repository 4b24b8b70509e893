import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runNpm } from './program.ts'
import { until } from './until.ts'

/** An npm registry that knows nothing of the mesh; large, so it is fetched for the test that needs it. */
const MANIFEST = new URL('../../examples/registry/verdaccio/package.json', import.meta.url)

/** Installs it into `folder`; the reason when that is not possible here. */
export async function installVerdaccio(folder: string): Promise<string | undefined> {
  mkdirSync(folder, { recursive: true })
  copyFileSync(MANIFEST, join(folder, 'package.json'))
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  const { code, stderr } = await runNpm(['install', ...flags], { cwd: folder })
  return code === 0 ? undefined : stderr.trim().slice(-500) || `npm ended with ${code}`
}

const CONFIG = `
storage: ./storage
auth: { htpasswd: { file: ./htpasswd, max_users: -1 } }
uplinks: {}
packages: { '**': { access: $all, publish: $all } }
log: { type: stdout, format: json, level: warn }
web: { enable: false }
`

/** Starts it on `port` of 127.0.0.1 and returns when it answers. */
export async function startVerdaccio(folder: string, port: number): Promise<ChildProcess> {
  const config = join(folder, 'config.yaml')
  writeFileSync(config, CONFIG)
  const script = join(folder, 'node_modules/verdaccio/bin/verdaccio')
  const words = [script, '--listen', `127.0.0.1:${port}`, '--config', config]
  const child = spawn(process.execPath, words, { cwd: folder, stdio: 'ignore' })
  const ping = () => fetch(`http://127.0.0.1:${port}/-/ping`)
  await until('verdaccio answers', () =>
    ping().then(
      answer => answer.ok,
      () => false,
    ),
  )
  return child
}
