/** Every check, in the order in which their findings are reported. */
import { checkAccess } from './access.ts'
import type { Check } from './check.ts'
import { checkHosts } from './hosts.ts'
import { checkLimits } from './limits.ts'
import { checkNames } from './names.ts'
import { checkPorts } from './ports.ts'
import { checkReferences } from './references.ts'
import { checkRoutes } from './routes.ts'
import { checkTargets } from './targets.ts'
import { checkWorkloads } from './workloads.ts'

export const checks: readonly Check[] = [
  checkLimits,
  checkNames,
  checkWorkloads,
  checkHosts,
  checkPorts,
  checkReferences,
  checkTargets,
  checkRoutes,
  checkAccess,
]
