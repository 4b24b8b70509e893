import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type TurnWriter, WriteTurn } from '../../proxy/write-turn.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

/** Remembers what it is given back, and by whom it was lent. */
function writer(
  name: string,
  written: string[],
  onWrite: (borrower: WriteTurn | undefined) => void = () => {},
) {
  const it: TurnWriter = {
    writeKept(chunk, borrower) {
      written.push(`${name}:${chunk.toString()}`)
      onWrite(borrower)
    },
  }
  return it
}

/** So many writes in one turn. */
async function busyTurn(writes: number, writeTurn: WriteTurn): Promise<void> {
  for (let i = 0; i < writes; i++) writeTurn.wants(10)
  await turn()
}

async function gathering(): Promise<WriteTurn> {
  const writeTurn = new WriteTurn()
  await busyTurn(200, writeTurn)
  return writeTurn
}

describe('WriteTurn', () => {
  it('keeps nothing while few write in a turn', async () => {
    const writeTurn = new WriteTurn()
    for (let i = 0; i < 500; i++) {
      expect(writeTurn.wants(10)).toBe(false)
      if (i % 3 === 0) await turn()
    }
  })

  it('keeps small chunks once many write in one turn, and writes large ones at once', async () => {
    const writeTurn = await gathering()
    expect(writeTurn.wants(10)).toBe(true)
    expect(writeTurn.wants(16 * 1024)).toBe(true)
    expect(writeTurn.wants(16 * 1024 + 1)).toBe(false)
  })

  it('writes what it keeps at the end of the turn, in order, and what follows each other as one', async () => {
    const writeTurn = await gathering()
    const written: string[] = []
    const [a, b] = [writer('a', written), writer('b', written)]
    writeTurn.wants(1)
    for (const [who, text] of [
      [a, 'one'],
      [a, ' two'],
      [b, 'three'],
      [a, 'four'],
    ] as const)
      writeTurn.keep(who, bytes(text))
    expect(written).toEqual([])
    await turn()
    expect(written).toEqual(['a:one two', 'b:three', 'a:four'])
    await turn()
    expect(written).toHaveLength(3)
  })

  it('keeps no more than its lease holds', async () => {
    const writeTurn = await gathering()
    const written: string[] = []
    const who = writer('a', written)
    for (let i = 0; i < 5; i++) writeTurn.keep(who, Buffer.alloc(16 * 1024, `${i}`))
    expect(written.map(text => text.length)).toEqual([2 + 64 * 1024])
  })

  it('says that a chunk is nobody’s when an earlier write has kept the lease', async () => {
    const writeTurn = await gathering()
    const lenders: (WriteTurn | undefined)[] = []
    const takes = writer('a', [], borrower => {
      lenders.push(borrower)
      writeTurn.lease = new WriteTurn().lease
    })
    writeTurn.keep(takes, bytes('x'))
    const written: string[] = []
    writeTurn.keep(
      writer('b', written, borrower => lenders.push(borrower)),
      bytes('y'),
    )
    writeTurn.flush()
    expect(lenders).toEqual([writeTurn, undefined])
    expect(written).toEqual(['b:y'])
  })

  it('stops gathering after many turns with few writes', async () => {
    const writeTurn = await gathering()
    for (let i = 0; i < 40; i++) await busyTurn(1, writeTurn)
    expect(writeTurn.wants(10)).toBe(false)
  })

  it('goes on gathering over a few quiet turns', async () => {
    const writeTurn = await gathering()
    for (let i = 0; i < 5; i++) await busyTurn(1, writeTurn)
    expect(writeTurn.wants(10)).toBe(true)
  })
})
