/** The demo's last words, for people. */
import { INSTANCES } from './instances.ts'
import type { Shop } from './shop.ts'
import type { Result } from './show.ts'
import { type Outcome, type Split, shareOfV2 } from './tally.ts'
import { count, percent, WHAT_COUNTS } from './view.ts'

const splitText = (split: Split): string =>
  `payments/v1 ${count(split['payments/v1'])}, payments/v2 ${count(split['payments/v2'])} (${percent(shareOfV2(split))} to v2)`

/** What became of the POSTs that did not succeed. */
function postsText(failed: readonly Outcome[]): string {
  const posts = failed.filter(({ method }) => method === 'POST')
  const answered = posts.filter(({ servedBy }) => servedBy !== undefined).length
  return `${posts.length} failed: ${answered} answered 500 by the broken app, ${posts.length - answered} cut off by a kill`
}

export function report({ summary, failures }: Result): string {
  const { instanceKilled: kills, controlPlaneStopped: stopped, latency, denied, mtls } = summary
  const rows: readonly (readonly [string, string])[] = [
    ['requests', `${count(summary.requests)}; GETs that failed: ${summary.failed}`],
    ['split', `${splitText(summary.split)} before the change`],
    ['beta testers', splitText(summary.betaTesters)],
    ['weight change', `enforced after ${summary.weightChange.enforcedAfterMs} ms`],
    [
      'app and sidecar killed',
      `GETs that failed: ${kills.failed}; POSTs that failed though no app had received them: ${kills.failedPosts}`,
    ],
    ['POSTs', postsText(failures)],
    ['', WHAT_COUNTS],
    ['broken endpoint', `ejected after ${summary.ejected.afterErrors} errors`],
    ['denied', `${denied.status}: ${denied.reason}`],
    ['without control plane', `${stopped.requests} requests; GETs that failed: ${stopped.failed}`],
    ['mutual TLS', `${mtls.protocol}, ${mtls.peer}`],
    ['latency', `p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms, at the visitor`],
  ]
  return ['', 'SUMMARY', ...rows.map(([name, text]) => `  ${name.padEnd(23)} ${text}`)].join('\n')
}

/** What there is to play with when the demo was asked to stay. */
export function howToPlay(shop: Shop): string {
  const web = shop.member('web')
  const orders = shop.member('orders')
  return [
    '',
    'It is all still running (the control plane again, too). Ctrl-C ends it.',
    `  curl -i ${web.appUrl}charges/1`,
    `  curl -i -H 'x-user-type: beta-tester' ${web.appUrl}charges/1`,
    `  curl -i -X DELETE ${web.appUrl}orders/1      # orders may not`,
    `  curl -i ${orders.ways.get('payments')!.url}/charges/1      # as orders' app calls it`,
    `  curl ${web.adminUrl}snapshot      # also /clusters, /certs, /stats, /metrics`,
    `  npx selvage status --state-dir ${shop.controlFolder}`,
    `  npx selvage apply examples/shop/mesh.ts --state-dir ${shop.controlFolder}`,
    ...INSTANCES.filter(({ app }) => app === 'payments').map(({ name }) => {
      const url = new URL('/knobs/broken', shop.member(name).appUrl)
      return `  curl -X PUT ${url}      # ${name} fails; -X DELETE mends it`
    }),
  ].join('\n')
}
