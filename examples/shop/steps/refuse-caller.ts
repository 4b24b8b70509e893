/** `orders` may charge and look at charges, and may not delete them: refused by payments' own sidecar. */
import type { Step } from '../step.ts'
import { visitWeb } from '../traffic.ts'

const visit = (path: string) => ({ id: 'refused', method: 'DELETE', path, betaTester: false })

export const refuseCaller: Step = {
  title: 'refuse a caller',
  async run({ shop, findings }) {
    const web = shop.member('web').appUrl
    const refused = await visitWeb(web, visit('/orders/1'))
    const allowed = await visitWeb(web, visit('/charges/2'))
    const reason = refused.reason ?? ''
    findings.denied = { status: refused.status, reason }
    const reached = shop.members.filter(member => member.receipts('DELETE').includes('1'))
    if (reached.length > 0) throw new Error(`the refused request reached ${reached[0]!.instance.name}`)
    if (allowed.status !== 200) {
      throw new Error(`web may delete a charge and got ${allowed.status}: ${allowed.reason}`)
    }
    return `orders → DELETE /charges/1: ${refused.status}, ${reason} (web may)`
  },
}
