/** The operators' side of a port: probes and metrics for machines, open to all; the API for people and scripts, behind the admin token. */
import type { Log } from '@watch-hub/shared/runtime/log'
import { type Context, Hono } from 'hono'
import { apiRoutes } from './api.ts'
import { requireBearer } from './auth.ts'
import type { Streams } from './events.ts'
import type { HubView, Verdict } from './view.ts'

export interface AdminSide {
  readonly view: HubView
  readonly adminToken: string
  /** The text of `/metrics`. */
  readonly metrics: () => Promise<string>
}

export function adminRoutes(
  { view, adminToken, metrics }: AdminSide,
  deps: { readonly log: Log; readonly streams: Streams },
): Hono {
  const app = new Hono()
  app.get('/healthz', (c) => verdict(c, view.healthy()))
  app.get('/readyz', (c) => verdict(c, view.ready()))
  app.get('/metrics', async (c) => c.text(await metrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }))
  app.use('/api/*', requireBearer(adminToken))
  app.use('/api/*', async (c, next) => {
    await next()
    c.header('Cache-Control', 'no-store')
  })
  app.route('/api/v1', apiRoutes(view, deps))
  return app
}

const verdict = (c: Context, { ok, reasons }: Verdict): Response => c.json({ ok, reasons }, ok ? 200 : 503)
