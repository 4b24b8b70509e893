/** SIGKILL to an app of v1: its sidecar lives on and says that nothing reaches the app any more. */
import { killAndBringBack } from './kill.ts'

export const killApp = killAndBringBack('kill an app of v1', {
  kill: member => member.killApp(),
  bringBack: member => member.startApp(),
})
