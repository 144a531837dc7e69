/**
 * The `OTEL_*` variables that a hub follows, read once, as https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * says. What only concerns how OTLP is sent (endpoints, headers, certificates, compression, timeouts) the exporters read by themselves.
 *
 * One thing differs from the specification: without an endpoint or an exporter that somebody named, nothing is exported. A hub without a
 * collector would otherwise knock at localhost for ever.
 */

export type Env = Readonly<Record<string, string | undefined>>

/** `rate_limited` is the hub's own: so many traces a second, the first ones of each second. */
export const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'rate_limited',
] as const
export type SamplerName = (typeof samplers)[number]

export interface OtelSettings {
  /** What is done with spans. */
  readonly traces: 'otlp' | 'console' | 'none'
  /** What is done with metrics, besides being there for Prometheus. */
  readonly metrics: 'otlp' | 'none'
  /** @default 'rate_limited' */
  readonly sampler: SamplerName
  /** Of `traceidratio`: 0 to 1. Of `rate_limited`: traces a second. Absent = the sampler's own default. */
  readonly samplerArg?: number
  readonly limits: {
    readonly links: number
    readonly attributes: number
    /** Characters of a text attribute. */
    readonly attributeLength: number
  }
  readonly batch: {
    readonly scheduledDelayMillis: number
    readonly exportTimeoutMillis: number
    readonly maxQueueSize: number
    readonly maxExportBatchSize: number
  }
  readonly metricIntervalMs: number
  readonly metricTimeoutMs: number
  /** Whether requests to endpoints carry `traceparent`. */
  readonly propagates: boolean
}

/** An `OTEL_*` variable says something that this hub cannot follow. Shown as it is. */
export class OtelEnvError extends Error {
  override readonly name = 'OtelEnvError'
}

/** Throws OtelEnvError. */
export function otelSettings(env: Env): OtelSettings {
  const off = env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true'
  const number = (name: string, fallback: number, least = 1): number => numberOf(env, name, { fallback, least })
  const arg = env.OTEL_TRACES_SAMPLER_ARG?.trim() ? number('OTEL_TRACES_SAMPLER_ARG', 0, 0) : undefined
  const sampler = nameOf(env, 'OTEL_TRACES_SAMPLER', samplers) ?? 'rate_limited'
  if (arg !== undefined && arg > 1 && sampler.endsWith('traceidratio'))
    throw new OtelEnvError(`OTEL_TRACES_SAMPLER_ARG: expected a ratio from 0 to 1 for ${sampler}, got ${arg}`)
  const settings: OtelSettings = {
    traces: off ? 'none' : exporterOf(env, 'TRACES', ['otlp', 'console', 'none']),
    metrics: off ? 'none' : withoutPrometheus(exporterOf(env, 'METRICS', ['otlp', 'prometheus', 'none'])),
    sampler,
    ...(arg !== undefined && { samplerArg: arg }),
    limits: {
      links: number('OTEL_SPAN_LINK_COUNT_LIMIT', 128, 0),
      attributes: number('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', number('OTEL_ATTRIBUTE_COUNT_LIMIT', 128, 0), 0),
      attributeLength: number(
        'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
        number('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', Number.POSITIVE_INFINITY, 0),
        0,
      ),
    },
    batch: {
      scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY', 5_000, 0),
      exportTimeoutMillis: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
      maxQueueSize: number('OTEL_BSP_MAX_QUEUE_SIZE', 2_048),
      maxExportBatchSize: number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
    },
    metricIntervalMs: number('OTEL_METRIC_EXPORT_INTERVAL', 60_000),
    metricTimeoutMs: number('OTEL_METRIC_EXPORT_TIMEOUT', 30_000),
    propagates: (env.OTEL_PROPAGATORS?.trim() || 'tracecontext').split(',').some((each) => each.trim() === 'tracecontext'),
  }
  if (settings.traces === 'otlp') checkProtocol(env, 'TRACES')
  if (settings.metrics === 'otlp') checkProtocol(env, 'METRICS')
  return settings
}

type Signal = 'TRACES' | 'METRICS'

/** The one named, or OTLP where somebody said where to. */
function exporterOf<const T extends string>(env: Env, signal: Signal, known: readonly T[]): T | 'otlp' | 'none' {
  const named = nameOf(env, `OTEL_${signal}_EXPORTER`, known)
  if (named !== undefined) return named
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]?.trim()
  return endpoint ? 'otlp' : 'none'
}

const withoutPrometheus = (exporter: 'otlp' | 'prometheus' | 'none'): 'otlp' | 'none' => (exporter === 'otlp' ? 'otlp' : 'none')

function nameOf<const T extends string>(env: Env, name: string, known: readonly T[]): T | undefined {
  const value = env[name]?.trim().toLowerCase()
  if (!value) return undefined
  const found = known.find((each) => each === value)
  if (found === undefined) throw new OtelEnvError(`${name}: expected one of ${known.join(', ')}, got "${value}"`)
  return found
}

function numberOf(env: Env, name: string, { fallback, least }: { readonly fallback: number; readonly least: number }): number {
  const text = env[name]?.trim()
  if (!text) return fallback
  const value = Number(text)
  if (!Number.isFinite(value) || value < least) throw new OtelEnvError(`${name}: expected a number from ${least}, got "${text}"`)
  return value
}

function checkProtocol(env: Env, signal: Signal): void {
  const name = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`
  const protocol = env[name]?.trim() || env.OTEL_EXPORTER_OTLP_PROTOCOL?.trim() || 'http/protobuf'
  if (protocol !== 'http/protobuf')
    throw new OtelEnvError(
      `${name} (or OTEL_EXPORTER_OTLP_PROTOCOL): expected http/protobuf, which every collector takes, got "${protocol}"`,
    )
}
