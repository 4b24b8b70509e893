import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { assertWorkloads, manifestCommands, readRunOptions } from '../../../cli/dev/run-options.ts'
import { project } from '../project.ts'

describe('readRunOptions', () => {
  it('reads commands and numbers of endpoints by workload', () => {
    const options = readRunOptions(['web=node web.js --a=b'], ['payments/v1=2'], {})
    expect([...options.commands]).toEqual([['web', 'node web.js --a=b']])
    expect([...options.endpoints]).toEqual([['payments/v1', 2]])
  })

  it('lets the command line win over package.json, workload by workload', () => {
    const options = readRunOptions(['web=b'], [], { web: 'a', orders: 'c' })
    expect([...options.commands]).toEqual([
      ['web', 'b'],
      ['orders', 'c'],
    ])
  })

  it.each(['web', '=node x', 'web=', ''])('refuses --run %j and says what is expected', text => {
    expect(() => readRunOptions([text], [], {})).toThrow(
      /^--run: expected <workload>=<value> such as 'web=node web\.js', found/,
    )
  })

  it.each(['0', '1.5', 'two', '51', '-1'])('refuses %j endpoints', text => {
    expect(() => readRunOptions([], [`web=${text}`], {})).toThrow(
      `expected a whole number from 1 to 50, found "${text}"`,
    )
  })

  it('refuses a workload that the document does not have', () => {
    const options = readRunOptions(['wbe=node web.js'], [], {})
    expect(() => assertWorkloads(options, ['web', 'orders'])).toThrow('names the workload "wbe"')
    expect(() => assertWorkloads(options, ['wbe'])).not.toThrow()
  })
})

describe('manifestCommands', () => {
  it('takes selvage.run of the nearest package.json', () => {
    const folder = project({ 'package.json': '{"selvage":{"run":{"web":"node web.js"}}}', 'sub/mesh.ts': '' })
    expect(manifestCommands(join(folder, 'sub'))).toEqual({ commands: { web: 'node web.js' }, folder })
  })

  it('has none where package.json says nothing of it', () => {
    expect(manifestCommands(project({ 'package.json': '{}' })).commands).toEqual({})
  })

  it.each(['{"selvage":{"run":["node"]}}', '{"selvage":{"run":{"web":1}}}', '{"selvage":{"run":"x"}}'])(
    'refuses %s',
    text => {
      expect(() => manifestCommands(project({ 'package.json': text }))).toThrow(
        /expected "selvage\.run" to be an object of commands/,
      )
    },
  )

  it('refuses a package.json that is not JSON', () => {
    expect(() => manifestCommands(project({ 'package.json': '{' }))).toThrow(/package\.json is not JSON/)
  })
})
