import type { GateLimits } from "./gate-limits";

/** Concurrent runs of one agent and tenant. */
const agentRuns = 4;

/**
 * The limits of a gate for which no connection sets any. A shop is one small server that also serves shoppers: two jobs at once, one request at a
 * time in each. Jobs that read all its rows (`orders:{site}`, `products:{site}`) run alone.
 */
export function usualLimits(dependency: string): GateLimits {
  const [kind, site] = dependency.split(":");
  if (kind === "agent") return { concurrency: agentRuns };
  if (site === undefined) return {};
  return { concurrency: kind === "shop" ? 2 : 1 };
}

/** The limits of a gate by the tenant's connections. The circuits of a connection's providers, and of agents, have the settings of the connection's circuit. */
export function limitsIn(connections: Readonly<Record<string, { limits: GateLimits }>> | undefined, dependency: string): GateLimits {
  const [, kind] = /^(mail|models|agent)[-:]/.exec(dependency) ?? [];
  const breaker = kind === undefined ? undefined : connections?.[kind === "agent" ? "models" : kind]?.limits.breaker;
  return connections?.[dependency]?.limits ?? { ...usualLimits(dependency), ...(breaker ? { breaker } : {}) };
}
