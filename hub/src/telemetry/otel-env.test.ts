import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OtelEnvError, otelSettings } from './otel-env.ts'

test('without any variable nothing is exported, and what would be is bounded as the specification says', () => {
  const settings = otelSettings({})
  assert.equal(settings.traces, 'none')
  assert.equal(settings.metrics, 'none')
  assert.equal(settings.sampler, 'rate_limited')
  assert.equal(settings.limits.links, 128)
  assert.equal(settings.batch.maxQueueSize, 2_048)
  assert.equal(settings.propagates, true)
})

test('an endpoint turns on both signals, an endpoint of one signal that signal', () => {
  const both = otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' })
  assert.deepEqual([both.traces, both.metrics], ['otlp', 'otlp'])
  const one = otelSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' })
  assert.deepEqual([one.traces, one.metrics], ['otlp', 'none'])
})

test('a named exporter wins over endpoints, and a disabled SDK over everything', () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'prometheus',
  }
  assert.deepEqual([otelSettings(env).traces, otelSettings(env).metrics], ['none', 'none'])
  const off = otelSettings({ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' })
  assert.equal(off.traces, 'none')
})

test('a sampler comes with its argument', () => {
  const { sampler, samplerArg } = otelSettings({
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  assert.deepEqual([sampler, samplerArg], ['parentbased_traceidratio', 0.25])
})

test('what cannot be followed is refused with what was expected and what came', () => {
  const refused = (env: Record<string, string>, message: RegExp) =>
    assert.throws(
      () => otelSettings(env),
      (error) => error instanceof OtelEnvError && message.test(error.message),
    )
  refused({ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /OTEL_TRACES_SAMPLER: expected one of always_on.*got "jaeger_remote"/)
  refused({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, /expected a ratio from 0 to 1/)
  refused({ OTEL_BSP_MAX_QUEUE_SIZE: 'many' }, /OTEL_BSP_MAX_QUEUE_SIZE: expected a number from 1, got "many"/)
  refused({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /expected http\/protobuf.*got "grpc"/)
})

test('requests carry no trace context where propagation is turned off', () => {
  assert.equal(otelSettings({ OTEL_PROPAGATORS: 'none' }).propagates, false)
  assert.equal(otelSettings({ OTEL_PROPAGATORS: 'baggage, tracecontext' }).propagates, true)
})
