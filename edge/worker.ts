/** The Worker of Gatehouse with its own policies; a deployment with other policies has its own entry like this one. */

import { createEdgeWorker } from './edge-worker.ts'

export default createEdgeWorker()
