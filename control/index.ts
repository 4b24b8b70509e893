/** The control plane: `selvage/control`. */
export type { ControlPlane, ControlPlaneOptions } from './embedded.ts'
export { startControlPlane } from './embedded.ts'
export { REFUSALS, Refusal, type RefusalCode } from './refusal.ts'
