// npm run bench -- --profile: where the processor's time goes while jobs without effect are taken and worked off.
import { freePort } from "../start/ports.ts";
import { startJobyard } from "./jobyard.ts";
import type { Workbench } from "./worker.ts";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[];
  samples?: number[];
  timeDeltas?: number[];
}

const lines = 45;
/** Microseconds between two samples. */
const interval = 500;

/** Takes a profile by the inspector of the local Worker; answers with the functions that took most, as lines. */
export async function profile(bench: Workbench, quick: boolean): Promise<string> {
  const count = quick ? 4000 : 20_000;
  const inspectorPort = await freePort();
  const jobyard = await startJobyard(bench, { name: "profile", cron: false, inspectorPort });
  await jobyard.untilDone((await jobyard.batch(500)).length, performance.now());
  const inspector = await connect(inspectorPort);
  await inspector.ask("Profiler.enable");
  await inspector.ask("Profiler.setSamplingInterval", { interval });
  await inspector.ask("Profiler.start");
  const begun = performance.now();
  await jobyard.batch(count);
  const took = await jobyard.untilDone(500 + count, begun);
  const { profile: taken } = (await inspector.ask("Profiler.stop")) as { profile: Profile };
  inspector.close();
  return asLines(taken, count, took);
}

/** The time of each function itself, without what it calls. The database has a thread of its own and shows as idle here. */
export function asLines({ nodes, samples = [], timeDeltas = [] }: Profile, count: number, took: number): string {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map<string, number>();
  let sum = 0;
  for (const [index, id] of samples.entries()) {
    const frame = byId.get(id);
    const micros = Math.max(0, timeDeltas[index] ?? 0);
    if (!frame) continue;
    sum += micros;
    const name = `${frame.functionName || "(anonymous)"}  ${frame.url.split("/").at(-1) ?? ""}:${frame.lineNumber + 1}`;
    self.set(name, (self.get(name) ?? 0) + micros);
  }
  const most = [...self].toSorted((left, right) => right[1] - left[1]).slice(0, lines);
  const rows = most.map(([name, micros]) => `${((micros / sum) * 100).toFixed(1).padStart(6)} %  ${(micros / count).toFixed(1).padStart(7)} µs/job  ${name}`);
  return [`${count.toLocaleString("en")} jobs in ${(took / 1000).toFixed(1)} s, sampled every ${interval} µs; each function's own time:`, ...rows].join("\n");
}

interface Inspector {
  ask(method: string, params?: object): Promise<unknown>;
  close(): void;
}

async function connect(port: number): Promise<Inspector> {
  const list = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
  const url = list[0]?.webSocketDebuggerUrl;
  if (url === undefined) throw new Error("the local Worker has no inspector");
  // Wrangler lets in only what names a local page as its origin; Node's own WebSocket takes headers, which the types of browsers do not know.
  const Socket = WebSocket as unknown as new (url: string, options: { headers: Record<string, string> }) => WebSocket;
  const socket = new Socket(url, { headers: { origin: "http://localhost" } });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")), { once: true });
  });
  const waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  socket.addEventListener("message", ({ data }) => {
    const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
    if (answer.id === undefined) return;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let asked = 0;
  return {
    ask: (method, params = {}) =>
      new Promise((resolve, reject) => {
        waiting.set(++asked, ({ result, error }) => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result)));
        socket.send(JSON.stringify({ id: asked, method, params }));
      }),
    close: () => socket.close(),
  };
}
