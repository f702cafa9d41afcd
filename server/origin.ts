/** The origin as a whole: opens what the server needs, starts its jobs, listens, and closes in the opposite order. */

import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import type { Config } from './config.ts'
import { createMetrics, openMetricsServer } from './metrics.ts'
import { openPorts } from './open-ports.ts'

/** An origin that listens. */
export interface Origin {
  readonly app: FastifyInstance
  /** `http://host:port` that it listens on. */
  readonly url: string
  /** The address that Prometheus reads, if metrics are served. */
  readonly metricsUrl: string | undefined
  /** Resolves when each job has had its first run, also where it failed. Redis then knows every ended session. */
  readonly started: Promise<void>
  close(): Promise<void>
}

/** Opens an origin on a migrated database. If opening fails, everything opened so far is closed. */
export async function openOrigin(config: Config, log: FastifyBaseLogger): Promise<Origin> {
  const opened = new AsyncDisposableStack()
  try {
    return await openOn(opened, config, log)
  } catch (error) {
    // The failure itself is reported, not what closing meets after it.
    await opened.disposeAsync().catch(() => {})
    throw error
  }
}

/** Puts everything that it opens on the stack, which closes the newest first. */
async function openOn(opened: AsyncDisposableStack, config: Config, log: FastifyBaseLogger): Promise<Origin> {
  const metrics = createMetrics()
  const { ports, jobs } = await openPorts(opened, { config, log, metrics })
  const metricsServer =
    config.metricsPort === undefined ? undefined : await openMetricsServer(metrics, config.host, config.metricsPort)
  opened.defer(async () => metricsServer?.close())
  const app = await buildApp(config, ports)
  opened.defer(() => closeServer(app))

  const url = await app.listen({ host: config.host, port: config.port })
  const started = jobs.start()
  return { app, url, metricsUrl: metricsServer?.url, started, close: () => opened.disposeAsync() }
}

/** A keep-alive connection that was busy when closing began stalls it, so idle ones are closed again and again. */
async function closeServer(app: FastifyInstance): Promise<void> {
  const sweeper = setInterval(() => app.server.closeIdleConnections(), 50)
  try {
    await app.close()
  } finally {
    clearInterval(sweeper)
  }
}
