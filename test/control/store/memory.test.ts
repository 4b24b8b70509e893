import { memoryStore } from '../../../control/store/memory.ts'
import { storeContract } from './store.contract.ts'

storeContract('memory', options => memoryStore(options))
