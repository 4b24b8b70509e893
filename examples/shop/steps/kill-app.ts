/** SIGKILL to an app of v1: its sidecar lives on and says that nothing reaches the app any more. */
import { killAndBringBack } from './kill.ts'

export const killApp = killAndBringBack('kill an app of v1', {
  comesBackAs: 'callers that ejected it wait out their 30 s',
  kill: member => member.killApp(),
  bringBack: member => member.startApp(),
})
