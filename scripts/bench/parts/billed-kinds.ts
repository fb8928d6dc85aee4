// Used by the part billed of npm run bench: the kinds of jobs that are counted, and how each is asked for.
import { randomUUID } from "node:crypto";
import sharp from "sharp";
import type { Jobyard } from "../jobyard.ts";
import { leadPost, makeProject } from "../lead-burst.ts";
import { byStatus, postAll } from "../posts.ts";

/** Asks for so many of them, and ends when all are accepted. */
export type Producer = (demo: Jobyard, count: number, sandboxUrl: string) => Promise<void>;

export interface Kind {
  name: string;
  count: number;
  ask: Producer;
  /** Rows written, queue operations, and USD for a million. */
  goals?: { rows?: number; operations?: number; usd?: number };
  /** Why the rows written are more than the goal. */
  rowsNote?: string;
}

const noop = (more: object = {}) => oneByOne((n) => ({ type: "noop", payload: { n, ...more } }));

export const kinds: readonly Kind[] = [
  { name: "no-op, one by one", count: 400, ask: noop(), goals: { rows: 3, usd: 4.8 } },
  { name: "no-op, by the batch call", count: 2000, ask: async (demo, count) => void (await demo.batch(count)), goals: { rows: 3, operations: 0.15, usd: 3.2 } },
  { name: "no-op, from a backlog", count: 2000, ask: fromBacklog, goals: { rows: 4 } },
  {
    name: "no-op, with an idempotency key",
    count: 400,
    ask: withKeys,
    goals: { rows: 4 },
    rowsNote:
      "the row is written before the message, then by claim and end; its id has no time, so the list has an index entry; the row is deleted: 1 + 2 + 1 + 1",
  },
  {
    name: "no-op, with an entity key",
    count: 400,
    ask: noop({ entity: "order:1" }),
    goals: { rows: 4 },
  },
  { name: "email", count: 200, ask: oneByOne((n) => ({ type: "email", payload: { to: `${n}@billed.example`, subject: "Hello", text: "Hello." } })) },
  { name: "analytics", count: 400, ask: oneByOne((n) => ({ type: "analytics", payload: { event: "billed", value: n } })) },
  {
    name: "agent (dry run)",
    count: 20,
    ask: oneByOne(() => ({ type: "agent", payload: { agentType: "content-management", dryRun: true, input: { siteId: "demo-shop" } } })),
  },
  { name: "sync-orders", count: 5, ask: oneByOne(() => ({ type: "sync-orders", payload: { siteId: "demo-shop", lastDays: 3 } })) },
  { name: "sync-products", count: 5, ask: oneByOne(() => ({ type: "sync-products", payload: { siteId: "demo-shop", incremental: true } })) },
  { name: "image (upload, one thumbnail)", count: 20, ask: uploads },
  {
    name: "event (no destination)",
    count: 200,
    ask: posts("/v1/events", (n) => ({ id: `billed-${n}-${randomUUID()}`, type: "lead.created", data: { id: String(n) } })),
  },
  { name: "lead (stored and forwarded)", count: 100, ask: leads },
];

function oneByOne(jobOf: (n: number) => object): Producer {
  return posts("/v1/jobs", jobOf);
}

/** Eight at a time: as senders do that do not know of each other. */
function posts(path: string, bodyOf: (n: number) => object): Producer {
  return (demo, count) => inLanes(count, async (n) => void (await demo.tenant.ask("POST", path, bodyOf(n))));
}

async function inLanes(count: number, work: (n: number) => Promise<void>): Promise<void> {
  const next = Array.from({ length: count }, (_, n) => n).values();
  const lane = async () => {
    for (const n of next) await work(n);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

/** After this the rows of jobs that still wait are written. Milliseconds. */
const lateRowsMs = 8000;

/** The jobs wait until their rows were written by the intake. */
async function fromBacklog(demo: Jobyard, count: number): Promise<void> {
  await demo.control("hold");
  await demo.batch(count);
  await new Promise((resolve) => setTimeout(resolve, lateRowsMs));
  await demo.control("go");
}

async function withKeys(demo: Jobyard, count: number): Promise<void> {
  await inLanes(count, async (n) => {
    const jobs = [{ type: "noop", payload: { n }, idempotencyKey: `billed-${n}-${randomUUID()}` }];
    await demo.tenant.ask("POST", "/v1/jobs/batch", { jobs });
  });
}

async function uploads(demo: Jobyard, count: number): Promise<void> {
  const picture = await sharp({ create: { width: 320, height: 240, channels: 3, background: "#4a7" } })
    .jpeg()
    .toBuffer();
  await inLanes(count, async (n) => {
    const key = `billed-${n}.jpg`;
    await demo.tenant.ask("PUT", `/v1/media/${key}`, new Uint8Array(picture));
    await demo.tenant.ask("POST", "/v1/jobs", { type: "image", payload: { key, operations: [{ type: "thumbnail", width: 100, height: 100 }] } });
  });
}

async function leads({ url, tenant }: Jobyard, count: number, sandboxUrl: string): Promise<void> {
  const project = await makeProject(url, tenant, sandboxUrl);
  const posted = await postAll(
    Array.from({ length: count }, (_, n) => leadPost(project, n)),
    8,
  );
  if (posted.some(({ status }) => status !== 200)) throw new Error(`the posts were answered by ${byStatus(posted)}`);
}
