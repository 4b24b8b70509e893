import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '../../../cli/clock.ts'
import { changedSince, watchFiles } from '../../../cli/dev/watch.ts'
import { project } from '../project.ts'

/** A busy machine takes its time to start a shell, and to tell of a change. */
const PATIENT = { timeout: 60_000 }

function watching(folder: string, ...names: string[]) {
  const onChange = vi.fn()
  const watch = watchFiles(systemClock, onChange)
  watch.follow(names.map(name => join(folder, name)))
  onTestFinished(() => watch.close())
  return { onChange, watch }
}

it('notices a file that is written, and one that is replaced as editors do it', async () => {
  const folder = project({ 'mesh.ts': 'a' })
  const { onChange } = watching(folder, 'mesh.ts')
  writeFileSync(join(folder, 'mesh.ts'), 'b')
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1), PATIENT)
  writeFileSync(join(folder, 'mesh.ts.tmp'), 'c')
  renameSync(join(folder, 'mesh.ts.tmp'), join(folder, 'mesh.ts'))
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), PATIENT)
})

it('follows the files that it is told to, and no others', async () => {
  const folder = project({ 'a.ts': '', 'b.ts': '', 'lib/c.ts': '' })
  const { onChange, watch } = watching(folder, 'a.ts')
  watch.follow([join(folder, 'lib/c.ts')])
  writeFileSync(join(folder, 'a.ts'), 'x')
  writeFileSync(join(folder, 'lib/other.ts'), 'x')
  writeFileSync(join(folder, 'lib/c.ts'), 'x')
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1), PATIENT)
})

it('tells what was written, or went away, before the watch began', () => {
  const folder = project({ 'mesh.ts': '', 'lib.ts': '' })
  const files = ['mesh.ts', 'lib.ts'].map(name => join(folder, name))
  const written = (seconds: number) => utimesSync(join(folder, 'lib.ts'), seconds, seconds)
  utimesSync(join(folder, 'mesh.ts'), 100, 100)
  written(100)
  expect(changedSince(files, 101_000)).toBe(false)
  written(102)
  expect(changedSince(files, 101_000)).toBe(true)
  rmSync(join(folder, 'lib.ts'))
  expect(changedSince(files, 103_000)).toBe(true)
})
