// Used by the benchmarks of this folder: posts over a fixed number of connections, and what they took.
import { Agent, request } from "node:http";

export interface Post {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface Posted {
  /** 0: there was no answer. */
  status: number;
  body: string;
  /** Milliseconds from sending to the whole answer. */
  ms: number;
}

/** Sends all of them, so many at a time, each connection used again and again. Never rejects. */
export async function postAll(posts: readonly Post[], connections: number): Promise<Posted[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const posted: Posted[] = [];
  const next = posts.entries();
  const lane = async () => {
    for (const [index, post] of next) posted[index] = await postOne(agent, post);
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
  return posted;
}

function postOne(agent: Agent, { url, headers, body }: Post): Promise<Posted> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const lost = (cause: Error) => resolve({ status: 0, body: cause.message, ms: performance.now() - begun });
    const posting = request(url, { method: "POST", agent, headers: { ...headers, "content-length": Buffer.byteLength(body) }, timeout: 120_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", lost);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString(), ms: performance.now() - begun }));
    });
    posting.on("timeout", () => posting.destroy(new Error("no answer within two minutes")));
    posting.on("error", lost);
    posting.end(body);
  });
}

/** The value below which so many percent of them lie; 0 of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}

/** `200 × 9,998, no answer × 2`. */
export function byStatus(posted: readonly Posted[]): string {
  const groups = Map.groupBy(posted, ({ status }) => status);
  return [...groups].map(([status, all]) => `${status || "no answer"} × ${all.length.toLocaleString("en")}`).join(", ");
}
