// npm run bench, part accept: what taking one job over HTTP costs, beside a bare send() and BullMQ behind a plain Node server.
import { freePort } from "../../start/ports.ts";
import { bareWorker, compare, type Contender, type Cost, type Round } from "../accepting.ts";
import { startJobyard } from "../jobyard.ts";
import type { Post } from "../posts.ts";
import { atLeast, atMost, type Figure, notMeasured, ratios, type Section } from "../report.ts";
import type { Run } from "../run.ts";
import type { Started, StartOptions } from "../worker.ts";

const onDemand = "Jobyard, row on demand";
const awaited = "Jobyard, row awaited";
const behindNode = "BullMQ behind a Node server";

export async function accept(run: Run): Promise<Section> {
  const sizes = run.quick ? { rounds: 2, perRound: 160 } : { rounds: 7, perRound: 640 };
  const contenders = await startContenders(run);
  const figures: Figure[] = [];
  for (const connections of run.quick ? [16] : [1, 16, 64]) {
    figures.push(...figuresOf(await compare(contenders, connections, sizes), connections));
    run.say(`accept, ${connections} connections`);
  }
  if (typeof run.bull === "string") figures.push(notMeasured(behindNode, run.bull));
  return {
    key: "accept",
    title: "Accepting one job over HTTP",
    how: `${sizes.rounds} rounds of ${sizes.perRound} posts, each connection used again and again, the contenders in turn; nothing is processed meanwhile. "Row awaited" is how a local start works, "on demand" how a deployed Worker does.`,
    figures,
  };
}

async function startContenders({ bench, bull }: Run): Promise<Contender[]> {
  const bare = await bareWorker(bench);
  const quiet = (options: StartOptions) => startJobyard(bench, { ...options, change: ({ queues }) => void (queues.consumers = []) });
  const [first, second] = [await quiet({ name: "on-demand" }), await quiet({ name: "awaited", local: true })];
  const contenders: Contender[] = [
    { name: "a bare send()", post: (n) => ({ ...jobPost(first, n), url: bare }) },
    { name: onDemand, post: (n) => jobPost(first, n) },
    { name: awaited, post: (n) => jobPost(second, n) },
  ];
  if (typeof bull === "string") return contenders;
  const port = await freePort();
  await bull.ask({ do: "serve", port });
  return [...contenders, { name: behindNode, post: (n) => ({ ...jobPost(first, n), url: `http://127.0.0.1:${port}/` }) }];
}

function jobPost({ url, rootToken }: Started, n: number): Post {
  return {
    url: `${url}/v1/jobs`,
    headers: { authorization: `Bearer ${rootToken}`, "jobyard-tenant": "bench", "content-type": "application/json" },
    body: JSON.stringify({ type: "noop", payload: { n } }),
  };
}

function figuresOf(costs: readonly Cost[], connections: number): Figure[] {
  const [base] = costs;
  return costs.flatMap((cost) => {
    const name = `${connections} connections, ${cost.name}`;
    const valuesOf = (field: keyof Round, of = cost) => of.rounds.map((round) => round[field]);
    const note = cost.failed > 0 ? { note: `${cost.failed} were refused` } : {};
    const own: Figure[] = [
      ...(["p50", "p90", "p99"] as const).map((each) => ({ what: `${name}: ${each}`, unit: "ms", rounds: valuesOf(each) })),
      { what: name, unit: "answers/s", rounds: valuesOf("rate"), ...note },
    ];
    if (!base || cost === base) return own;
    const against = (field: "p50" | "rate", goal: Figure["goal"]): Figure => {
      const rounds = ratios(valuesOf(field), valuesOf(field, base));
      return { what: `${name} over ${base.name}: ${field}`, unit: "×", rounds, ...(goal ? { goal } : {}) };
    };
    return [...own, against("p50", p50Goal(cost.name, connections)), against("rate", rateGoal(cost.name, connections))];
  });
}

function p50Goal(name: string, connections: number): Figure["goal"] {
  if (connections !== 16) return undefined;
  if (name === onDemand) return atMost(1.2, "≤ 1.2");
  return name === awaited ? atMost(1.5, "≤ 1.5") : undefined;
}

function rateGoal(name: string, connections: number): Figure["goal"] {
  return connections === 64 && name === onDemand ? atLeast(1, "≥ 1.0") : undefined;
}
