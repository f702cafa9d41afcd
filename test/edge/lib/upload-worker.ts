/** A Worker in front of a backend that accepts bodies of any size, except on one route. */

import { createEdgeWorker } from '../../../edge/edge-worker.ts'

export default createEdgeWorker({
  quotas: { uploads: { by: 'address', limit: '100000/60' } },
  routes: [
    {
      path: '/limited',
      methods: 'any',
      token: 'none',
      quotas: ['uploads'],
      onStoreFailure: 'fallback',
      maxBodyBytes: 100
    },
    { path: '/*', methods: 'any', token: 'none', quotas: ['uploads'], onStoreFailure: 'fallback' }
  ]
})
