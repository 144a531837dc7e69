import { startSimulatedCluster } from '../support/cluster.ts'
import { mainStory } from '../support/main-story.ts'

mainStory('simulated clusters', startSimulatedCluster)
