import { setTimeout as passing } from "node:timers/promises";
import type { Answer, Api } from "../../test/way/support/api.ts";
import type { Course } from "./course.ts";
import { isRepeatable, type Post, type Request, requestOf } from "./posts.ts";
import type { Tenant } from "./tenants.ts";

/** What became of one job that was posted. */
export interface PostedJob {
  post: Post;
  /** Its mark's number. */
  n: number;
  tenant: string;
  /** `accepted`: by the Worker's answer. `refused`: nothing was accepted, by its answer. `unknown`: there was no answer, or one that leaves it open. */
  fate: "accepted" | "refused" | "unknown";
  /** When it was accepted. */
  id: string | null;
}

export interface Sending {
  posted: PostedJob[];
  /** Answers by status; 0: none. */
  statuses: Map<number, number>;
  /** Answers that must not happen whatever fails. */
  wrong: string[];
}

const lanes = 24;
/** A request that may be repeated is, until it is accepted or so many milliseconds have passed. */
const maxRepeatMs = 60_000;

/** Sends all posts at their times, as clients do that repeat what they may repeat. */
export async function send(posts: readonly Post[], tenants: readonly Tenant[], picture: Uint8Array, course: Course): Promise<Sending> {
  const sending: Sending = { posted: [], statuses: new Map(), wrong: [] };
  const next = posts.values();
  const lane = async () => {
    for (const post of next) {
      await course.send(post.at);
      const tenant = tenants[post.tenant] as Tenant;
      sending.posted.push(...(await sendOne(post, tenant, requestOf(post, tenant, picture), sending)));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  course.end();
  return sending;
}

async function sendOne(post: Post, tenant: Tenant, request: Request, sending: Sending): Promise<PostedJob[]> {
  const giveUp = performance.now() + maxRepeatMs;
  let wasUnknown = false;
  for (let pause = 200; ; pause = Math.min(2000, pause * 2)) {
    const answer = await ask(tenant.api, request);
    const status = answer?.status === 599 ? 0 : (answer?.status ?? 0);
    sending.statuses.set(status, (sending.statuses.get(status) ?? 0) + 1);
    if (status === 500 || (status >= 400 && ![429, 503].includes(status)))
      sending.wrong.push(`${request.method} ${request.path} answered ${status}: ${answer?.text.slice(0, 300)}`);
    if (status === 429 || status === 503) {
      if (!(Number(answer?.headers.get("retry-after")) > 0)) sending.wrong.push(`${request.method} ${request.path} answered ${status} without Retry-After`);
    }
    if (answer && status > 0 && status < 300) {
      const jobs = read(post, tenant.name, answer);
      if (jobs.every(({ fate }) => fate === "accepted") || !isRepeatable(post) || performance.now() > giveUp) return jobs;
    } else {
      wasUnknown ||= status !== 429;
      if (status !== 429 && (!isRepeatable(post) || performance.now() > giveUp)) return jobsOf(post, tenant.name, "unknown");
      if (performance.now() > giveUp) return jobsOf(post, tenant.name, wasUnknown ? "unknown" : "refused");
    }
    await passing(pause);
  }
}

async function ask(api: Api, { method, path, body, headers }: Request): Promise<Answer | undefined> {
  return api.ask(method, path, { body, headers }).catch(() => undefined);
}

function jobsOf(post: Post, tenant: string, fate: PostedJob["fate"]): PostedJob[] {
  const count = post.kind === "emails" || post.kind === "analytics" ? post.size : 1;
  return Array.from({ length: count }, (_, index) => ({ post, n: post.n + index, tenant, fate, id: null }));
}

function read(post: Post, tenant: string, { body }: Answer): PostedJob[] {
  if (!Array.isArray(body?.ids)) return [{ post, n: post.n, tenant, fate: "accepted", id: body?.id === undefined ? null : String(body.id) }];
  return jobsOf(post, tenant, "accepted").map((each, index) => {
    const id: string | null = body.ids[index] ?? null;
    // A chunk is rejected when neither queue nor ledger confirmed it: one of them may have it.
    return id === null ? { ...each, fate: "unknown" } : { ...each, id };
  });
}
