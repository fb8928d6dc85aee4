import * as v from "valibot";
import { defineJob, type RunContext } from "../../src/queue/job";
import { again, discard, done, type Outcome, retry, wait } from "../../src/queue/outcome";
import type { EngineBench } from "./engine";

/** How a scripted job ends; several in a row: one per run, the last for all further ones. */
export const scripted = defineJob({
  type: "scripted",
  queue: "events",
  aliases: ["scripted-old"],
  version: 2,
  upgrade: (payload, from) => (from === 1 ? { script: [{ do: "done", value: (payload as { answer: unknown }).answer }] } : payload),
  policy: { maxAttempts: 3, backoff: { base: 1, cap: 60 }, timeout: 5, concurrency: 10, maxAge: 3 * 24 * 3600, maxRuns: 50 },
  entities: (payload) => (payload.entity ? [payload.entity] : []),
  gates: (payload) => (payload.gate ? [payload.gate] : []),
  payload: v.strictObject({
    script: v.array(
      v.looseObject({
        do: v.picklist(["done", "retry", "wait", "again", "discard", "throw", "hang", "nothing", "effect", "checkpoint", "child", "progress", "call"]),
      }),
    ),
    siteId: v.optional(v.string()),
    entity: v.optional(v.string()),
    gate: v.optional(v.string()),
    text: v.optional(v.string()),
  }),
});

export type Step = { do: string } & { [name: string]: unknown };

/** One run: steps that are no ending are done on the way, the ending for this run is picked by the number of runs so far. */
export async function play(bench: EngineBench, script: Step[], context: RunContext): Promise<Outcome> {
  const endings = script.filter((step) => ending.has(step.do));
  const before = bench.runs.filter(({ id }) => id === context.id).length - 1;
  for (const step of script) if (!ending.has(step.do)) await onTheWay(bench, step, context);
  const step: Step = endings[Math.min(before, endings.length - 1)] ?? { do: "done" };
  switch (step.do) {
    case "done":
      return done(step["value"]);
    case "retry":
      return retry(String(step["reason"] ?? "scripted"), step["after"] === undefined ? {} : { after: Number(step["after"]) });
    case "wait":
      return wait("scripted wait", {
        until: context.now() + Number(step["ms"] ?? 30_000),
        park: step["park"] === true,
        last: step["last"] === true,
        ...(step["gate"] ? { gate: String(step["gate"]) } : {}),
      });
    case "again":
      return again({ from: context.cursor ?? null, run: before });
    case "discard":
      return discard(String(step["reason"] ?? "scripted"));
    case "hang":
      return new Promise(() => undefined);
    case "nothing":
      return undefined as unknown as Outcome;
    default:
      throw new Error(String(step["reason"] ?? "scripted throw"));
  }
}

const ending = new Set(["done", "retry", "wait", "again", "discard", "throw", "hang", "nothing"]);

async function onTheWay(bench: EngineBench, step: Step, context: RunContext): Promise<void> {
  if (step.do === "call") await bench.calls[String(step["name"])]?.(context);
  if (step.do === "progress") await context.progress(Number(step["done"]), Number(step["total"]), "on the way");
  if (step.do === "checkpoint") await context.checkpoint(step["cursor"] ?? { page: 1 });
  if (step.do === "child") await context.enqueue(scripted, { script: [{ do: "done" }] }, { key: String(step["key"]) });
  if (step.do === "effect") {
    const options = step["idempotentFor"] === undefined ? {} : { idempotentFor: Number(step["idempotentFor"]) };
    await context.effect(
      String(step["key"] ?? "send"),
      async (key) => {
        bench.outside.set(key, (bench.outside.get(key) ?? 0) + 1);
        if (step["crash"]) throw new Error("the Worker died after the effect");
        if (step["fail"]) return { ok: false, failure: { class: step["fail"] as "transient", reason: "scripted" } };
        return { ok: true, value: { key } };
      },
      options,
    );
  }
}
