/** Everything upstream state is built with, under the test's control. */
import { silentLog } from '../../../proxy/telemetry/log.ts'
import { MetricsRegistry } from '../../../proxy/telemetry/metrics.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { seededRandom } from '../../../testing/random.ts'
import { FakeConnector } from './fake-connector.ts'

export function fakeUpstream(seed = 1) {
  return {
    connector: new FakeConnector(),
    clock: new ManualClock(),
    random: seededRandom(seed),
    metrics: new MetricsRegistry(),
    log: silentLog,
  }
}
