import { startRealCluster } from '../support/cluster.ts'
import { mainStory } from '../support/main-story.ts'

mainStory('real API servers', startRealCluster)
