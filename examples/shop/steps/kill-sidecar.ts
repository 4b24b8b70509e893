/** SIGKILL to the sidecar of that same endpoint: nobody is left who could say anything. */
import { killAndBringBack } from './kill.ts'

export const killSidecar = killAndBringBack('kill its sidecar', {
  comesBackAs: 'a new endpoint, with a new certificate',
  kill: member => member.killSidecar(),
  bringBack: async member => {
    await member.startSidecar()
    await member.sidecarReady()
  },
})
