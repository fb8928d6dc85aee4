import type { Answers, Filling } from "./answers";

/** Answers about what a tenant has set up: shops, schedules, campaigns, agents, tokens. */
export function settings({ rows, text, now }: Filling): Answers {
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  const times = <Row>(make: (index: number) => Row) => Array.from({ length: rows }, (_, index) => make(index));
  const dated = { created: ago(999), updated: ago(99) };
  const site = (index: number) => ({
    ...{ site: `shop-${index}`, platform: "prestashop", url: text, keyIn: "query", webhook: null, ...dated },
    paused: index === 0 ? { reason: text, since: ago(30), nextTryAt: ago(-30) } : null,
    lastError: { at: ago(1), reason: text },
  });
  const counted = { cursor: ago(2), lastSuccess: ago(2), lag: 120, count: 12, deleted: 1 };
  return {
    "GET /v1/tenants": {
      tenants: times((index) => ({ tenant: `tenant-${index}`, name: text, timezone: "Europe/Berlin", settings: {}, ...dated })),
      cursor: null,
    },
    "GET /v1/sites": { sites: times(site) },
    "GET /v1/sites/shop-0": {
      ...site(0),
      sync: {
        ...{
          paused: site(0).paused,
          lastError: site(0).lastError,
          orders: counted,
          products: counted,
          warnings: [text],
          timezone: text,
          timeZone: text,
          eventsPending: 2,
        },
        unreadable: { count: rows, newest: [] },
      },
    },
    "GET /v1/sites/shop-0/purchase-orders": {
      purchaseOrders: times((index) => ({
        ...{ id: index + 1, state: "draft", supplier: { id: 1, name: text, email: text }, currency: "EUR", total: "12.500000" },
        rows: [{ productId: 1, productAttributeId: 0, reference: text, name: text, quantity: 2, unitPrice: "6.250000", total: "12.500000", orderIds: [7] }],
        ...{ createdAt: ago(60), updatedAt: ago(60), approvedBy: null, mailJobId: null },
      })),
      cursor: null,
    },
    "GET /v1/schedules": {
      schedules: times((index) => ({
        ...{
          name: `nightly-${index}`,
          type: text,
          payload: { lastDays: 1 },
          cron: "30 2 * * *",
          words: text,
          timezone: "Europe/Berlin",
          zone: "Europe/Berlin",
          misfire: "once",
          overlap: "skip",
        },
        ...{ spreadSeconds: 0, enabled: index % 2 === 0, siteId: text, createdAt: ago(99), updatedAt: ago(99) },
        last: { plannedAt: ago(60), outcome: "failed", note: text, jobId: null },
        why:
          index % 3 === 1
            ? { code: "site-paused", sentence: text, since: ago(9), actions: [{ method: "POST", path: "/v1/sites/s1/test", label: text }] }
            : null,
        pastRuns: [0, 1, 2].map((day) => ({ plannedAt: ago(60 + day * 1440), jobId: `j${day}`, state: [text, "done", null][day] })),
        nextRuns: [25, 26].map((day) => ({ at: `2026-12-${day}T01:30:00.000Z`, local: `2026-12-${day}T02:30:00+01:00` })),
      })),
    },
    "GET /v1/campaigns": {
      campaigns: times((index) => ({
        ...{ id: `c${index}`, name: text, templateId: text, templateVersion: 2, ratePerMinute: 60, window: null, state: index === 0 ? "draft" : "running" },
        ...{ total: 100, queued: 40, sent: 50, failed: 4, suppressed: 6, duplicates: 0, cancelled: 0, bounced: 1, complained: 1, unsubscribed: 1 },
        ...{ waitingFor: text, createdAt: ago(99), startedAt: null, endedAt: null, acknowledged: null },
      })),
      cursor: null,
    },
    "GET /v1/campaigns/c1": {
      ...{ id: "c1", name: text, templateId: text, templateVersion: 2, ratePerMinute: 60, window: { from: "09:00", to: "18:00", days: ["mon"] } },
      ...{ state: "running", total: 100, queued: 40, sent: 50, failed: 4, suppressed: 6, duplicates: 0, cancelled: 0 },
      ...{
        bounced: 1,
        complained: 1,
        unsubscribed: 1,
        waitingFor: text,
        createdAt: ago(99),
        startedAt: ago(9),
        endedAt: null,
        acknowledged: { failed: 3, at: ago(5) },
      },
      reasons: times((index) => ({ state: index === 0 ? "failed" : "suppressed", reason: `${text} ${index}`, count: 4 })),
      pages: times((index) => ({ page: index, recipients: 10, jobId: `j${index}`, state: [null, "retrying", "dead"][index] ?? "waiting", reason: text })),
    },
    "GET /v1/campaigns/c1/recipients": {
      recipients: times((index) => ({ line: index + 2, state: "failed", reason: text, ...(index === 0 ? { providerMessage: "•••" } : {}) })),
      cursor: "9",
    },
    ...agents({ rows, text, now }),
    "GET /v1/tenants/demo": { tenant: "demo", name: text, timezone: "Europe/Berlin", settings: { note: text }, ...dated },
    "GET /v1/tenants/demo/tokens": {
      tokens: times((index) => ({
        id: `t${index}`,
        name: text,
        scopes: ["read"],
        created: ago(99),
        revoked: index === 1 ? ago(9) : null,
        lastUsed: index === 0 ? ago(30) : null,
      })),
    },
    "GET /v1/connections": { connections: times((index) => ({ name: `mail-${index}`, provider: text, ...dated })) },
    "GET /v1/destinations": {
      destinations: times((index) => ({
        ...{ name: `pager-${index}`, builtIn: false, enabled: true, events: ["lead.created", text], filter: null, delaySeconds: 0, host: text },
        ...{ retired: index === 0 ? text : null, retiredAt: index === 0 ? ago(40) : null, ...dated },
      })),
    },
    "GET /v1/subscriptions": {
      subscriptions: times((index) => ({ name: `hook-${index}`, host: text, events: ["job.dead"], retired: null, retiredAt: null, ...dated })),
    },
    "GET /v1/templates": {
      templates: times((index) => ({ id: `t${index}`, version: 1, subject: text, builtIn: false, updated: ago(9), layout: null })),
      cursor: null,
    },
    "GET /v1/costs": {
      ...{ currency: "USD", estimated: true, pricesAsOf: "2026-10", models: { usd: 0.5 } },
      today: { usd: 1.2, ...split({ rows, text, now }) },
      month: { usd: 31.5, ...split({ rows, text, now }) },
      budget: { usdPerMonth: 40, spent: 31.5, state: "near" },
    },
    "GET /v1/workers": times((index) => ({
      ...{ worker: index === 0 ? "w-1" : `${text}${index}`, types: [text], lastPoll: now - 4000, lastBeat: null, leases: 3 },
      state: ["run", "quiet", "stop", "ended"][index % 4],
    })),
    "GET /v1/alert-rules": {
      builtIn: { inForce: rows < 2, minSeverity: "warning", slack: true, email: [text], unconnected: [{ channel: "slack", reason: text }] },
      rules: times((index) => ({
        ...{ name: `rule-${index}`, minSeverity: "warning", slack: true, email: [text], enabled: index !== 1, ...dated },
        unconnected: index === 0 ? [{ channel: "email", reason: text }] : [],
        ...(index === 0 ? { codes: [text], types: [text], destination: text } : {}),
      })),
    },
    "GET /v1/installation": {
      ledger: { bytes: rows === 0 ? null : 2_500_000_000, maxBytes: 10_000_000_000 },
      versions: times((index) => ({ version: `${text}${index}`, tag: text, firstAt: ago(90) })),
      steps: times((index) => ({ step: `sweep-${index}`, outcome: index === 0 ? "failed" : "done", at: ago(1), ms: 12, detail: text })),
    },
    ...(rows === 0
      ? {}
      : {
          "GET /v1/heartbeat": { host: text, updated: ago(99), last: { ok: rows > 1, at: ago(1), reason: rows > 1 ? null : text } },
          "GET /v1/access": {
            ...{ teamDomain: "acme.cloudflareaccess.com", audience: "a".repeat(64), updated: ago(99) },
            roles: [{ email: "root@example.com", tenant: "*" }, ...times(() => ({ group: text, tenant: "demo", scopes: ["read", "operate"] }))],
          },
        }),
    "GET /v1/audit": {
      entries: times(() => ({ tenant: "demo", at: ago(5), actor: text, action: text, target: text, detail: text, jobs: null })),
      cursor: null,
    },
    "GET /v1/alerts": {
      alerts: times((index) => ({
        ...{
          cause: `${text}${index}`,
          state: "open",
          subject: text,
          reason: text,
          sentence: text,
          notSeenSince: index === 1 ? ago(4) : null,
          actions: [{ method: "POST", path: "/v1/gates/mail/probe", label: "Probe now" }],
          url: null,
          count: 3,
          since: ago(30),
          lastAt: ago(1),
          toldAt: null,
          via: [text],
          recoveredAt: null,
        },
      })),
    },
    "GET /healthz": { status: "ok", time: ago(0), checks: { d1: "ok", kv: "failing" } },
  };
}

function split({ rows, text }: Filling) {
  const list = Array.from({ length: rows }, (_, index) => ({ name: `${text}${index}`, jobs: 120, usd: 3 - index / 100 }));
  return { byType: list, byTenant: list };
}

function agents({ rows, text, now }: Filling): Answers {
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  const times = <Row>(make: (index: number) => Row) => Array.from({ length: rows }, (_, index) => make(index));
  const month = { month: "2026-10", usd: 1.25, tokens: 9000, calls: 12 };
  const run = { id: "run-0", agentType: text, dryRun: false, state: "waiting", waitingFor: text, tokens: 900, usd: 0.02, at: ago(3) };
  return {
    "GET /v1/agents": {
      agents: times((index) => ({
        ...{ type: `agent-${index}`, description: text, tools: [], month },
        budget: { maxSteps: 10, maxTokens: 9000, maxSeconds: 600, usdPerRun: 1, usdPerMonth: 10 },
        stopped: index === 0 ? { at: ago(9), by: text, byName: null } : null,
      })),
      budget: { usdPerMonth: 100 },
      month,
    },
    "GET /v1/agent-runs": { agentRuns: times((index) => ({ ...run, id: `run-${index}` })), cursor: null },
    "GET /v1/agent-runs/run-0": {
      ...run,
      steps: times((index) => ({ n: index, revision: 0, kind: "tool", tool: text, input: { text }, output: text, tokens: 12, usd: 0.001, at: ago(2) })),
      proposal: { changes: [{ text }] },
      approval: {
        id: "p1",
        state: "pending",
        tool: text,
        edited: false,
        askedAt: ago(2),
        expiresAt: ago(-60),
        decidedAt: null,
        decidedBy: null,
        decidedByName: null,
        reason: null,
      },
      revealed: false,
    },
  };
}
