/** What every way of proving a caller must do; each implementation's test runs it. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Caller, Credentials, Principal } from '../../../control/caller/caller.ts'
import { type HandClock, handClock } from '../hand-clock.ts'

export interface CallerCase {
  readonly caller: Caller
  readonly good: Credentials
  readonly principal: Principal
  /** Of the right kind, and not good, by name. */
  readonly bad: Readonly<Record<string, Credentials>>
  /** After this long `good` is no longer good; undefined: it has no end. */
  readonly livesMs: number | undefined
  /** What no reason may quote. */
  readonly secrets: readonly string[]
}

export const none: Credentials = { authorization: undefined, certificate: undefined }

export function callerContract(name: string, create: (clock: HandClock) => Promise<CallerCase>): void {
  describe(`caller contract: ${name}`, () => {
    let clock: HandClock
    let subject: CallerCase
    beforeEach(async () => {
      clock = handClock()
      subject = await create(clock)
    })

    it('proves the principal when the credentials are good', async () => {
      expect(await subject.caller.prove(subject.good)).toEqual({
        kind: 'proven',
        principal: subject.principal,
      })
    })

    it('finds nothing when there are no credentials, or those of somebody else’s kind', async () => {
      expect(await subject.caller.prove(none)).toEqual({ kind: 'absent' })
      for (const authorization of ['Basic dXNlcjpwYXNz', 'Bearer something-else', '', 'Bearer']) {
        expect(await subject.caller.prove({ ...none, authorization })).toEqual({ kind: 'absent' })
      }
    })

    it('refuses bad credentials with a reason that quotes no secret', async () => {
      expect(Object.keys(subject.bad).length).toBeGreaterThan(0)
      for (const [which, credentials] of Object.entries(subject.bad)) {
        const verdict = await subject.caller.prove(credentials)
        expect(verdict, which).toMatchObject({ kind: 'refused', reason: expect.stringMatching(/\w+ \w+/) })
        for (const secret of subject.secrets) expect(JSON.stringify(verdict)).not.toContain(secret)
      }
    })

    it('refuses what was good when its time is over, and says so', async () => {
      if (subject.livesMs === undefined) clock.advance(10 * 366 * 86_400_000)
      else clock.advance(subject.livesMs - 1000)
      expect(await subject.caller.prove(subject.good)).toMatchObject({ kind: 'proven' })
      if (subject.livesMs === undefined) return
      clock.advance(1001)
      expect(await subject.caller.prove(subject.good)).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('expired at'),
      })
    })
  })
}
