/** A consumer's Worker with invalid policies that compile: it must not start. */

import { createEdgeWorker, type WrittenPolicies } from 'gatehouse/gateway'

const policies = {
  quotas: { address: { by: 'address', limit: '300 per minute' } },
  routes: [{ path: '/shop/*', methods: 'any', token: 'requierd', quotas: ['adress'], onStoreFailure: 'fallback' }]
}

export default createEdgeWorker(policies as WrittenPolicies)
