/** The table of what is a state: it is read from the parts of the hub when somebody asks for it. */
import type { State } from './figures.ts'
import { agentStates } from './states/agents.ts'
import { clusterStates } from './states/clusters.ts'
import { endpointStates } from './states/endpoints.ts'
import { hubStates } from './states/hub.ts'
import { storeStates } from './states/store.ts'

export const states: readonly State[] = [...endpointStates, ...clusterStates, ...agentStates, ...storeStates, ...hubStates]
