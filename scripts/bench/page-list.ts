// Used by npm run bench, part pages: what an operator's browser asks for, and what the pages ask the interface for.

/** Stands in a path for the id of a job, and for a group of failures. */
export const [anyJob, anyGroup] = ["{job}", "{group}"];

/** Pages of one tenant, behind `/t/{tenant}`. A replay, a bulk action, a site, a campaign and an agent's run are not measured: they read rows by their key, up to a bound. */
export const tenantPages: readonly string[] = [
  ...["/", "/jobs", "/jobs?state=dead", "/jobs?type=nothing", "/jobs?q=550", `/jobs/${anyJob}`, "/bulk?verb=cancel&type=noop"],
  ...[`/bulk?verb=replay&group=${anyGroup}`, "/failures", `/failures/${anyGroup}`, "/replays", "/flow", "/flow/events", "/schedules", "/sites", "/campaigns"],
  ...["/agents", "/settings", "/workers", "/costs", "/alerts", "/system"],
];

/** Pages of all tenants, behind `/t/*`. */
export const allPages: readonly string[] = ["/", "/failures", "/replays", "/flow", "/flow/events", "/workers", "/costs", "/tenants", "/system"];

/** Calls of the interface as one tenant; `{tenant}` is its name. */
export const calls: readonly string[] = [
  ...["/v1/me", "/v1/report", "/v1/queues", "/v1/stats", "/v1/pauses", "/v1/gates?limit=200", "/v1/types", "/healthz"],
  ...["/v1/jobs?limit=50", "/v1/jobs?state=running&limit=20", "/v1/jobs?state=waiting", "/v1/jobs?state=scheduled", "/v1/jobs?state=dead"],
  ...["/v1/jobs?type=noop&state=cancelled", "/v1/jobs?siteId=nowhere", "/v1/jobs?queue=events&limit=20", `/v1/jobs/${anyJob}`, `/v1/jobs?parent=${anyJob}`],
  ...["/v1/failures?status=open", `/v1/failures/${anyGroup}`, `/v1/dead-letters?group=${anyGroup}&limit=50`, "/v1/replays?limit=5", "/v1/replays?limit=50"],
  ...["/v1/bulk-actions?limit=10", "/v1/schedules", "/v1/sites", "/v1/campaigns", "/v1/agents", "/v1/agent-runs", "/v1/workers", "/v1/costs"],
  ...["/v1/alerts?limit=50", "/v1/alert-rules", "/v1/tenants/{tenant}", "/v1/tenants/{tenant}/tokens", "/v1/connections", "/v1/templates"],
  ...["/v1/audit?limit=50", "/v1/installation", "/metrics"],
];
