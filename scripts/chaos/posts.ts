import type { Tenant } from "./tenants.ts";

export type Kind = "email" | "emails" | "slack" | "crm" | "webhook" | "analytics" | "event" | "lead" | "image" | "agent" | "remote-demo" | "sync" | "delayed";

/** One request of a run. `n` counts all jobs of the run, so that each has a mark of its own. */
export interface Post {
  at: number;
  tenant: number;
  kind: Kind;
  n: number;
  /** Jobs in it. */
  size: number;
  keyed: boolean;
}

/** Out of a hundred jobs. */
const shares: readonly [Kind, number][] = [
  ["email", 12],
  ["emails", 32],
  ["delayed", 3],
  ["analytics", 28],
  ["lead", 5],
  ["event", 3],
  ["webhook", 5],
  ["slack", 3],
  ["crm", 3],
  ["remote-demo", 4],
  ["image", 0.4],
  ["agent", 0.4],
  ["sync", 1.2],
];

/** What is posted in a run of so many jobs, spread over its length, in the order of time. Recipients of campaigns are besides. */
export function postsOf(jobs: number, tenants: number, length: number, dice: () => number): Post[] {
  const posts: Post[] = [];
  for (let n = 0; n < jobs;) {
    const kind = kindOf(dice() * 100);
    const size = kind === "emails" || kind === "analytics" ? sizeFrom(dice) : 1;
    // Workers outside serve the first tenant.
    const tenant = kind === "remote-demo" ? 0 : Math.floor(dice() * tenants);
    posts.push({ at: dice() * length, tenant, kind, n, size, keyed: dice() < 0.5 });
    n += size;
  }
  return posts.toSorted((one, other) => one.at - other.at);
}

/** Jobs in a batch: mostly some ten, at times some hundred. */
function sizeFrom(dice: () => number): number {
  const [least, most] = dice() < 0.9 ? [1, 50] : [100, 300];
  return least + Math.floor(dice() * (most - least + 1));
}

const meanSize = 43;

function kindOf(drawn: number): Kind {
  let below = 0;
  // Of posts, not of jobs: those that carry many are drawn more rarely.
  const weights = shares.map(([kind, share]) => [kind, kind === "emails" || kind === "analytics" ? share / meanSize : share] as const);
  const sum = weights.reduce((all, [, weight]) => all + weight, 0);
  return weights.find(([, weight]) => drawn < (below += (weight * 100) / sum))?.[0] ?? "email";
}

export interface Request {
  method: string;
  path: string;
  body: unknown;
  headers: Record<string, string>;
}

export function mark(n: number, tenant: string): string {
  return `m${n}@${tenant}.example`;
}

/** The request of a post; `picture` are the bytes of one. */
export function requestOf({ kind, n, size, keyed }: Post, tenant: Tenant, picture: Uint8Array): Request {
  const to = mark(n, tenant.name);
  const headers: Record<string, string> = keyed ? { "idempotency-key": `k${n}` } : {};
  const job = (type: string, payload: unknown, more: object = {}): Request => ({ method: "POST", path: "/v1/jobs", body: { type, payload, ...more }, headers });
  const batch = (one: (n: number) => object): Request => {
    const jobs = Array.from({ length: size }, (_, index) => ({ ...one(n + index), ...(keyed ? { idempotencyKey: `k${n + index}` } : {}) }));
    return { method: "POST", path: "/v1/jobs/batch", body: { jobs }, headers: {} };
  };
  const plain = (address: string) => ({ to: address, subject: "Hello", text: "Hello", priority: (["high", "normal", "low"] as const)[n % 3] });
  switch (kind) {
    case "email":
      return job("email", plain(to));
    case "delayed":
      return job("email", plain(to), { delaySeconds: 1 + (n % 5) });
    case "emails":
      return batch((each) => ({ type: "email", payload: plain(mark(each, tenant.name)) }));
    case "analytics":
      return batch((each) => ({ type: "analytics", payload: { event: `m${each}` } }));
    case "slack":
      return job("slack", { text: `Hello ${to}` });
    case "crm":
      return job("crm", { email: to, properties: { firstname: "M" } });
    case "webhook":
      return job("webhook", { connection: "make", body: { mark: to } });
    case "event":
      return {
        method: "POST",
        path: "/v1/events",
        body: { id: `e${n}`, type: "lead.updated", data: { id: `e${n}`, email: to, firstName: "Mark" } },
        headers: {},
      };
    case "lead":
      return {
        method: "POST",
        path: `/v1/leads/${tenant.name}/homes`,
        body: { email: to, name: `Visitor ${n}`, __pg_nonce: `nonce-${n}` },
        headers: { "x-api-key": tenant.leadKey, accept: "application/json" },
      };
    case "image":
      return { method: "PUT", path: `/v1/media/p${n}.jpg`, body: picture, headers: { "content-type": "image/jpeg" } };
    case "agent":
      return job("agent", { agentType: "content-management", dryRun: true, input: { siteId: tenant.site } });
    case "remote-demo":
      return job("remote-demo", { n, ms: 20 });
    case "sync":
      return job(...syncOf(n, tenant.site));
  }
}

function syncOf(n: number, siteId: string): [type: string, payload: unknown] {
  const all: [string, object][] = [
    ["sync-orders", { siteId }],
    ["sync-products", { siteId, incremental: true, linkVendors: true }],
    ["sync-single-order", { siteId, orderId: 1 + (n % 100) }],
    ["sync-orders", { siteId, lastDays: 10, bulkMode: true }],
    ["supplier-orders", { siteId }],
  ];
  return all[n % all.length] as [string, object];
}

/** A repeat of these is the same job, whatever became of the first request. */
export function isRepeatable({ kind, keyed }: Post): boolean {
  return keyed || kind === "event" || kind === "lead" || kind === "image";
}
