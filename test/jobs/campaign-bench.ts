import { env } from "cloudflare:workers";
import { campaignOf, reportOf } from "../../src/domain/campaigns/queries";
import { createCampaignDeps, resumedBy } from "../../src/app/campaigns";
import { createMailStores } from "../../src/app/mail-stores";
import { type CampaignWork, createCampaignWork, type MailSlot } from "../../src/domain/campaigns/capability";
import type { CampaignInput } from "../../src/domain/campaigns/model";
import { createCampaignOperations } from "../../src/domain/campaigns/operate";
import { putTemplate } from "../../src/domain/mail/store";
import { createTemplates } from "../../src/domain/mail/queries";
import { createHashAddress, type HashAddress } from "../../src/domain/suppressions/model";
import { createSuppressions } from "../../src/domain/suppressions/capability";
import type { WorkerEnv } from "../../src/env";
import { campaign } from "../../src/jobs/campaign/job";
import type { BatchSent, Mail, MailMessage } from "../../src/providers/mail/mail";
import type { Failure, Reply } from "../../src/queue/effect";
import { failed, ok } from "../../src/queue/effect";
import { enqueue } from "../../src/queue/enqueue";
import { derive } from "../../src/tenants/keys";
import { createJobBench } from "../support/job-bench";

const usualHash = createHashAddress(derive(new Uint8Array(32).fill(7), "signing", "address"));

/** One call of the provider: what happens to it, and whether its answer comes back. */
export type Answer = { fail: Failure } | "lost" | "die" | "take";

export interface CampaignBenchOptions {
  tenant: string;
  /** Whether the provider takes batches. */
  batches?: boolean;
  /** Seconds; 0: no idempotency. */
  idempotentFor?: number;
  zone?: string;
  hash?: HashAddress;
  /** Rows whose address the provider refuses, by address. */
  refuses?: readonly string[];
  start?: number;
}

/** The campaigns of one tenant on the real engine, ledger and objects; the provider is made up and keeps its keys as Resend does. */
export async function createCampaignBench(options: CampaignBenchOptions) {
  const { tenant, batches = true, zone = "UTC", refuses = [], hash = usualHash } = options;
  const idempotentFor = options.idempotentFor ?? (batches ? 86_400 : 0);
  const mails: { to: string; message: MailMessage; key: string; at: number }[] = [];
  const calls: { key: string; count: number }[] = [];
  const known = new Map<string, { body: string; reply: Reply<unknown>; until: number }>();
  /** Answers of the next calls; after them all are taken. */
  const answers: Answer[] = [];
  const hooks = {
    beforeCall: async (_count: number) => undefined as void,
    /** After the campaign's own job has read its open pages. */
    afterLook: async (_open: number) => undefined as void,
    turn: (): MailSlot => ({ granted: true, leave: async () => undefined }),
  };

  const call = async <T>(key: string, messages: readonly MailMessage[], act: () => T): Promise<Reply<T>> => {
    await hooks.beforeCall(calls.length);
    calls.push({ key, count: messages.length });
    const answer = answers.shift() ?? "take";
    if (typeof answer === "object") return failed(answer.fail);
    const body = JSON.stringify(messages);
    const kept = known.get(key);
    const before = kept && kept.until > yard.bench.now() ? kept : undefined;
    if (before && before.body !== body) return failed({ class: "permanent", reason: "409 the key was used for other content" });
    const reply = before?.reply ?? ok(act());
    if (!before) known.set(key, { body, reply, until: yard.bench.now() + idempotentFor * 1000 });
    if (answer === "die") throw new Error("the Worker died");
    return answer === "lost" ? failed({ class: "uncertain", reason: "no answer" }) : (reply as Reply<T>);
  };
  const deliver = (key: string, message: MailMessage): string => {
    mails.push({ to: message.to[0] ?? "", message, key, at: yard.bench.now() });
    return `m-${mails.length}`;
  };
  const watched = (work: CampaignWork): CampaignWork => ({
    ...work,
    async openPages(id) {
      const pages = await work.openPages(id);
      await hooks.afterLook(pages.open);
      return pages;
    },
  });
  const mail: Mail = {
    from: "Shop <news@shop.example>",
    idempotentFor,
    send: (message, { idempotencyKey: key }) =>
      refuses.includes(message.to[0] ?? "")
        ? Promise.resolve(failed({ class: "permanent", reason: "550 no such user" }))
        : call(key, [message], () => ({ id: deliver(key, message) })),
    sendBatch: batches
      ? (messages, { idempotencyKey: key }) =>
          call(key, messages, () =>
            messages.map((message): BatchSent =>
              refuses.includes(message.to[0] ?? "")
                ? { ok: false, failure: { class: "permanent", reason: "invalid address", providerMessage: "no such mailbox" } }
                : { ok: true, id: deliver(key, message) },
            ),
          )
      : undefined,
  };
  const yard = createJobBench({
    tenant,
    ...(options.start === undefined ? {} : { start: options.start }),
    capabilities: () => ({
      mail,
      campaigns: watched(createCampaignWork({ ...parts, mailSlot: async () => hooks.turn() }, tenant)),
      templates: createTemplates(env.DB),
      suppressions: createSuppressions({
        db: env.DB,
        tenant,
        hash,
        urlOf: async ({ address, campaign: id }) => `https://jobs.example/u/${address}-${id}`,
      }),
    }),
  });
  const { bench } = yard;
  const parts = createCampaignDeps({
    env: env as WorkerEnv,
    db: env.DB,
    stores: { hashAddress: hash },
    gates: undefined as never,
    resume: resumedBy(() => bench.engine),
    now: bench.now,
  });
  const operations = createCampaignOperations({
    ...parts,
    templates: createTemplates(env.DB),
    zoneOf: async () => zone,
    enqueueRun: async (own, id) =>
      (await enqueue(bench.engine, [{ tenant: own, type: campaign.type, payload: { campaign: id }, own: ["campaign", id], internal: true }]))[0]!,
  });
  await putTemplate(env.DB, tenant, "news", { subject: "News, {{ name }}", text: "Hello {{ name }}: {{ unsubscribeUrl }}" }, bench.now() - 1000);

  await putTemplate(env.DB, tenant, "large", { subject: "News", text: "{{ filler }}" }, bench.now() - 1000);

  return {
    ...{ ...yard, mails, calls, answers, hooks, operations, parts, stores: createMailStores(env.DB, { hashAddress: hash }) },
    /** A campaign with these rows, not started. */
    async draft(rows: string, input: Partial<CampaignInput> = {}): Promise<string> {
      const id = await operations.create(tenant, { name: "News", templateId: "news", ...input });
      await operations.upload(tenant, id, chunksOf(rows), "csv");
      return id;
    },
    report: async (id: string) => {
      const report = await reportOf({ db: parts.db, tenant, id });
      if (!report) throw new Error("there is no such campaign");
      return report;
    },
    /** Delivers until the campaign is done; a Worker dies where `answers` has "die". */
    async run(id: string, limit = 300): Promise<void> {
      let ticked = bench.now();
      for (let round = 0; round < limit; round++) {
        // The tick comes each minute; where no message is on its way, the time until the next one is passed over faster.
        const next = Math.min(bench.now() + (bench.held.length > 0 ? 60_000 : 1_800_000), ...bench.held.map(({ at }) => at));
        bench.advance(Math.max(0, next - bench.now()));
        if (bench.now() - ticked >= 60_000) {
          await bench.tick();
          ticked = bench.now();
        }
        const due = bench.held.filter(({ at }) => at <= bench.now());
        for (const group of Map.groupBy(due, ({ queue }) => queue).values()) await bench.deliver(group.slice(0, 100));
        const { state } = (await campaignOf({ db: parts.db, tenant, id })) ?? {};
        if (state === "done" && bench.held.length === 0) return;
      }
      throw new Error(`the campaign is not done after ${limit} rounds: ${JSON.stringify(await reportOf({ db: parts.db, tenant, id }))}`);
    },
  };
}

export type CampaignBench = Awaited<ReturnType<typeof createCampaignBench>>;

/** Delivers what is due now, so many times. */
export async function deliverFor({ bench }: CampaignBench, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    bench.advance(1000);
    const due = bench.held.filter(({ at }) => at <= bench.now());
    for (const group of Map.groupBy(due, ({ queue }) => queue).values()) await bench.deliver(group);
  }
}

/** CSV of so many recipients. */
export function csvOf(count: number, host = "list.example"): string {
  return ["email,name", ...Array.from({ length: count }, (_, index) => `n${index}@${host},Name ${index}`)].join("\n");
}

export async function* chunksOf(text: string, size = 1000): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
