/** Prometheus metrics of an origin, on a port of their own that is never public. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** The counters and histograms of one origin. */
export interface Metrics {
  /** Counts a request. The route is a pattern, because paths can hold mailed tokens and are unbounded in number. */
  answered(route: string, method: string, status: number, seconds: number): void
  /** Counts a failed call to Redis: quotas and guards work from their fallbacks. */
  storeFailed(): void
  /** Counts a failed run of a background job. */
  jobFailed(job: string): void
  /** The metrics as the text that Prometheus reads. */
  text(): Promise<string>
}

/** From a cached answer to a login that waited in the hashing queue. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Creates the metrics of one origin. Each has a registry of its own, so that one process can hold several origins. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'gatehouse_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer',
    labelNames: ['route', 'method', 'status'],
    buckets: BUCKETS_SECONDS,
    registers
  })
  const storeFailures = new Counter({
    name: 'gatehouse_store_failures_total',
    help: 'Calls to Redis that failed; limits then work from stricter fallback quotas',
    registers
  })
  const jobFailures = new Counter({
    name: 'gatehouse_job_failures_total',
    help: 'Runs of a background job that failed',
    labelNames: ['job'],
    registers
  })
  return {
    answered: (route, method, status, seconds) => requests.observe({ route, method, status }, seconds),
    storeFailed: () => storeFailures.inc(),
    jobFailed: job => jobFailures.inc({ job }),
    text: () => registry.metrics()
  }
}

/** A server of metrics that listens. */
export interface MetricsServer {
  readonly url: string
  close(): Promise<void>
}

/** Opens a server that answers `GET /metrics` only. */
export async function openMetricsServer(metrics: Metrics, host: string, port: number): Promise<MetricsServer> {
  const server = createServer(async (request, response) => {
    const isMetrics = request.method === 'GET' && request.url === '/metrics'
    response.statusCode = isMetrics ? 200 : 404
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    response.end(isMetrics ? await metrics.text() : 'GET /metrics\n')
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/metrics`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
