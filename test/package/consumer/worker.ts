/** A consumer's Worker: the edge in front of another backend, with policies of its own. */

import { createEdgeWorker } from 'gatehouse/gateway'

export default createEdgeWorker({
  quotas: {
    address: { by: 'address', limit: '300/60' },
    reports: { by: 'user', limit: '3/60' }
  },
  routes: [
    { path: '/health', methods: ['GET'], token: 'none', quotas: ['address'], onStoreFailure: 'fallback' },
    { path: '/reports/*', methods: ['GET'], token: 'required', quotas: ['reports'], onStoreFailure: 'refuse' },
    { path: '/shop/*', methods: 'any', token: 'required', quotas: ['address'], onStoreFailure: 'fallback' }
  ]
})
