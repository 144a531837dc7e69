/** What the fleet has to say in numbers. Whoever composes the hub counts it. */
export interface FleetMeter {
  /** A frame became durable. `ms`: since it had arrived. */
  frame(of: { readonly cluster: string; readonly ms: number }): void
}

export const silentFleetMeter: FleetMeter = { frame: () => {} }
