import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../proxy/clock.ts'
import type { VersionedSnapshot } from '../../../proxy/config/config-source.ts'
import { FileConfig } from '../../../proxy/config/file.ts'
import { keptLog } from '../../support/log.ts'
import { snapshot } from '../../support/snapshot.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { until } from '../../support/until.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function begin(text: string | undefined) {
  const file = join(tempFolder(), 'snapshot.json')
  if (text !== undefined) writeFileSync(file, text)
  const log = keptLog()
  const accepted: VersionedSnapshot[] = []
  const refused: string[] = []
  const source = new FileConfig({ file, clock: systemClock, log })
  stops.push(source.watch({ accept: value => accepted.push(value), refuse: reason => refused.push(reason) }))
  const replace = (next: string) => {
    writeFileSync(`${file}.new`, next)
    renameSync(`${file}.new`, file)
  }
  return { file, log, accepted, refused, replace }
}

const write = (domain: string) => JSON.stringify(snapshot('web', { domain }))

describe('FileConfig', () => {
  test('reads the file at once and again when it is replaced', async () => {
    const { accepted, replace } = begin(write('one'))
    expect(accepted.map(each => each.snapshot.config.domain)).toEqual(['one'])
    replace(write('two'))
    await until('the change is seen', () => accepted.length === 2)
    expect(accepted[1]?.snapshot.config.domain).toBe('two')
    expect(accepted[1]?.configHash).not.toBe(accepted[0]?.configHash)
    expect(accepted[1]?.endpointsHash).toBe(accepted[0]?.endpointsHash)
  })

  test('refuses what is no snapshot, names file and place, and takes the next good one', async () => {
    const { file, accepted, refused, replace } = begin('{"config":{},"endpoints":{}}')
    expect(refused[0]).toMatch(new RegExp(`^snapshot file ${file}: snapshot: config\\.format: `))
    replace('not json')
    await until('it is refused', () => refused.length === 2)
    replace(write('good'))
    await until('it is accepted', () => accepted.length === 1)
  })

  test('says which file it cannot read, and takes it when it comes', async () => {
    const { file, log, accepted, replace } = begin(undefined)
    expect(log.of('snapshot-unreadable')[0]?.message).toContain(`snapshot file ${file}: ENOENT`)
    replace(write('late'))
    await until('it is accepted', () => accepted.length === 1)
  })
})
