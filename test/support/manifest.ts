/** A manifest of a config repo as text. JSON is YAML, and needs no care with quoting. */
export const manifest = (kind: string, name: string, spec: object, labels: Readonly<Record<string, string>> = {}): string =>
  `${JSON.stringify({ apiVersion: 'watch-hub.dev/v1alpha1', kind, metadata: { name, labels }, spec })}\n`
