/** Metrics are served on their own port, by route pattern, without personal data. */

import t from 'tap'
import { openTestOrigin } from '../lib/test-origin.ts'

t.test('GET /metrics counts requests by the pattern of their route, on a port of its own', async t => {
  const { origin, url } = await openTestOrigin(t, { METRICS_PORT: '0' })
  await fetch(`${url}/api/v1/auth/verify-email/some-secret-token`, { method: 'POST' })
  const text = await (await fetch(origin.metricsUrl ?? '')).text()
  t.match(
    text,
    'gatehouse_request_duration_seconds_count{route="/api/v1/auth/verify-email/:token",method="POST",status="410"} 1'
  )
  t.notMatch(text, /some-secret-token/, 'a path is not a label')
  t.equal((await fetch(`${url}/metrics`)).status, 404, 'the public port does not know them')
  t.equal((await fetch(new URL('/', origin.metricsUrl))).status, 404, 'and this port knows nothing else')
})
