/** What the person asked of `dev`. */
export interface DevOptions {
  readonly file: string | undefined
  /** `<workload>=<command>`. */
  readonly run: readonly string[]
  /** `<workload>=<number>`. */
  readonly endpoints: readonly string[]
  /** `auto`: loopback where it can be had. */
  readonly interception: 'auto' | 'explicit' | 'loopback'
  /** Set HTTP_PROXY for the commands. */
  readonly httpProxy: boolean
  /** Of the control plane; 0: a free one. */
  readonly port: number
  /** Absolute path. */
  readonly stateDir: string
}
