/**
 * `GET /metrics` in Prometheus' text format. Labels are operation ids, status classes and states: a fixed number of series, whatever the
 * number of instances, chats and phone numbers. Open like `/health`, unless METRICS_TOKEN is set.
 */
import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { AdmitSecret } from './authentication.ts'

export interface Metrics {
  /** One answer of an operation. */
  answered(operation: string, status: number, seconds: number): void
  /** A number per label value, asked for when somebody reads the metrics. */
  gauge(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>,
  ): void
  page(app: FastifyInstance, admitSecret: AdmitSecret): void
  /** Stops measuring the process. */
  close(): void
}

export const createMetrics = ({ token }: { token: string | null }): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'ryzeapi_http_request_seconds',
    help: 'Time from request to answer',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  })
  /** prom-client hashes the labels at every look-up; a series is looked up once. */
  const series = new Map<string, { observe(seconds: number): void }>()

  return {
    answered: (operation, status, seconds) => {
      const statusClass = `${Math.floor(status / 100)}xx`
      const key = `${operation} ${statusClass}`
      let observer = series.get(key)
      if (observer === undefined) {
        observer = requests.labels(operation, statusClass)
        series.set(key, observer)
      }
      observer.observe(seconds)
    },
    gauge: (name, help, label, read) => {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        async collect() {
          this.reset()
          for (const [value, count] of Object.entries(await read())) this.set({ [label]: value }, count)
        },
      })
    },
    page: (app, admitSecret) =>
      void app.get('/metrics', async (request, reply) => {
        if (token !== null) admitSecret(request, reply, token)
        return reply.type(registry.contentType).send(await registry.metrics())
      }),
    close: () => registry.clear(),
  }
}
