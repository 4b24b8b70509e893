/** Takes an endpoint out of balancing for a while when it fails real requests. */
export interface OutlierDetection {
  /** Every 5xx, reset and connect failure in a row; 0: off. */
  readonly consecutiveErrors: number
  /** Only 502–504, resets and connect failures in a row; 0: off. */
  readonly consecutiveGatewayErrors: number
  /** How often ejections are looked over (ejection times shrink back); an endpoint returns when its own time ends. */
  readonly intervalMs: number
  /** Multiplied by the number of ejections in a row. */
  readonly baseEjectionTimeMs: number
  readonly maxEjectionTimeMs: number
  /** At most this share of a workload's endpoints, 0–100; the first ejection is always allowed. */
  readonly maxEjectionPercent: number
}
