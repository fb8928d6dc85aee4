// Part profile of npm run bench: where the processor's time goes while jobs without effect are taken and worked off.
import { freePort } from "../../start/ports.ts";
import { startJobyard } from "../jobyard.ts";
import type { Figure, Section } from "../report.ts";
import type { Run } from "../run.ts";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; scriptId: string; lineNumber: number }; children?: number[] }[];
  samples?: number[];
  timeDeltas?: number[];
}

/** Functions that are listed. */
const maxFunctions = 40;
/** Microseconds between two samples. */
const interval = 500;

/** Takes a profile by the inspector of the local Worker. */
export async function profile({ bench, quick }: Run): Promise<Section> {
  const count = quick ? 4000 : 20_000;
  const inspectorPort = await freePort();
  const jobyard = await startJobyard(bench, { name: "profile", cron: false, inspectorPort });
  await jobyard.untilDone((await jobyard.batch(500)).length, performance.now());
  const inspector = await connect(inspectorPort);
  await inspector.ask("Debugger.enable");
  await inspector.ask("Profiler.enable");
  await inspector.ask("Profiler.setSamplingInterval", { interval });
  await inspector.ask("Profiler.start");
  const begun = performance.now();
  await jobyard.batch(count);
  const took = await jobyard.untilDone(500 + count, begun);
  const { profile: taken } = (await inspector.ask("Profiler.stop")) as { profile: Profile };
  const sources = new Map<string, string[]>();
  for (const scriptId of new Set(taken.nodes.map(({ callFrame }) => callFrame.scriptId))) {
    // Functions of the runtime itself have no script.
    const source = await inspector.ask("Debugger.getScriptSource", { scriptId }).catch(() => undefined);
    if (source) sources.set(scriptId, (source as { scriptSource: string }).scriptSource.split("\n"));
  }
  inspector.close();
  return {
    key: "profile",
    title: "Where the processor's time goes",
    how: `${count.toLocaleString("en")} jobs that do nothing, from the batch call to done, in ${(took / 1000).toFixed(1)} s; sampled every ${interval} µs. The time of each function itself, without what it calls, in the thread of the Worker. The database has a thread of its own: its time shows as (idle) here. (program) is the runtime's native code; what has no name is listed under its caller. Under the inspector console.log takes many times as long as without it.`,
    figures: ownTimes(taken, count, (scriptId, line) => fileAt(sources.get(scriptId) ?? [], line)),
  };
}

/** The time of each function itself, the longest first. `fileOf` names the file of a line of a script. */
export function ownTimes({ nodes, samples = [], timeDeltas = [] }: Profile, count: number, fileOf: (scriptId: string, line: number) => string): Figure[] {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const callers = new Map(nodes.flatMap(({ callFrame, children = [] }) => children.map((id) => [id, callFrame] as const)));
  const self = new Map<string, number>();
  let sum = 0;
  for (const [index, id] of samples.entries()) {
    const frame = byId.get(id);
    const micros = Math.max(0, timeDeltas[index] ?? 0);
    if (!frame) continue;
    sum += micros;
    const named = frame.functionName ? frame : (callers.get(id) ?? frame);
    const name = `${frame.functionName || "(anonymous) in"} ${named === frame ? "" : named.functionName} ${fileOf(named.scriptId, named.lineNumber)}`
      .replaceAll(/ +/g, " ")
      .trim();
    self.set(name, (self.get(name) ?? 0) + micros);
  }
  const longest = [...self].toSorted((left, right) => right[1] - left[1]).slice(0, maxFunctions);
  return longest.map(([what, micros]) => ({ what, unit: "µs/job", rounds: [micros / count], note: `${((micros / sum) * 100).toFixed(1)} %` }));
}

/** The bundler writes the name of each source file above its lines. */
function fileAt(lines: readonly string[], line: number): string {
  const above = lines.slice(0, line + 1).findLast((each) => /^\/\/ \S+\.[cm]?[jt]sx?$/.test(each));
  return above?.replace(/^.*?(?=(src|node_modules|scripts)\/)/, "") ?? "";
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
  let lastId = 0;
  return {
    ask: (method, params = {}) =>
      new Promise((resolve, reject) => {
        waiting.set(++lastId, ({ result, error }) => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result)));
        socket.send(JSON.stringify({ id: lastId, method, params }));
      }),
    close: () => socket.close(),
  };
}
