/** The Worker of Gatehouse itself, with its own policies; a deployment with others has an entry like this of its own. */

import { createEdgeWorker } from './edge-worker.ts'

export default createEdgeWorker()
