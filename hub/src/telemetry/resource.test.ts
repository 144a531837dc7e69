import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { hubResource } from './resource.ts'

const identity = { version: '1.2.3', instance: 'hub-1' }

afterEach(() => {
  delete process.env.OTEL_SERVICE_NAME
  delete process.env.OTEL_RESOURCE_ATTRIBUTES
})

test('a hub is the service watch-hub, with its release and the identity of its data', () => {
  assert.partialDeepStrictEqual(hubResource(identity).attributes, {
    'service.name': 'watch-hub',
    'service.version': '1.2.3',
    'service.instance.id': 'hub-1',
    'telemetry.sdk.language': 'nodejs',
  })
})

test('what the environment says of it counts more', () => {
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'service.name=hub-a,service.instance.id=blue,deployment.environment.name=prod'
  assert.partialDeepStrictEqual(hubResource(identity).attributes, {
    'service.name': 'hub-a',
    'service.instance.id': 'blue',
    'deployment.environment.name': 'prod',
    'service.version': '1.2.3',
  })
  process.env.OTEL_SERVICE_NAME = 'hub-b'
  assert.equal(hubResource(identity).attributes['service.name'], 'hub-b')
})
