/** A consumer's Worker whose policies do not hold together, which only shows when they are read: it must not come up. */

import { createEdgeWorker, type WrittenPolicies } from 'gatehouse/gateway'

const policies = {
  quotas: { address: { by: 'address', limit: '300 per minute' } },
  routes: [{ path: '/shop/*', methods: 'any', token: 'requierd', quotas: ['adress'], onStoreFailure: 'fallback' }]
}

export default createEdgeWorker(policies as WrittenPolicies)
