/** How clients find the simulator: a kubeconfig like those that cluster admins hand out. */
export interface KubeconfigSettings {
  readonly url: string
  /** PEM; absent for plain http. */
  readonly ca?: string | undefined
  readonly token?: string | undefined
}

/** YAML. client-node refuses plain http unless verification is switched off in so many words. */
export function kubeconfigText({ url, ca, token }: KubeconfigSettings): string {
  const trust =
    ca === undefined ? 'insecure-skip-tls-verify: true' : `certificate-authority-data: ${Buffer.from(ca).toString('base64')}`
  const user = token === undefined ? '{}' : `{token: ${token}}`
  return `apiVersion: v1
kind: Config
clusters:
- name: simulator
  cluster:
    server: ${url}
    ${trust}
users:
- name: agent
  user: ${user}
contexts:
- name: simulator
  context: {cluster: simulator, user: agent}
current-context: simulator
`
}
