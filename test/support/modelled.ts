import * as v from "valibot";
import { outcomeOf, type Reply } from "../../src/queue/effect";
import { RunEnded } from "../../src/queue/active-run";
import { defineJob, job, type Job, type RunContext } from "../../src/queue/job";
import { isOutcome, type Outcome } from "../../src/queue/outcome";
import type { RunEnd } from "./history/events";
import type { History } from "./history/history";
import type { Isolate } from "./isolate";
import type { Mutant } from "./mutant";
import { narrow } from "./narrow-gate";
import { ending, endings, maxAttempts } from "./script";

const script = v.array(v.picklist(endings));
const policy = { maxAttempts, backoff: { base: 1, cap: 120 }, timeout: 60, concurrency: 3, maxAge: 900 * 24 * 3600 };
const common = { type: "modelled", queue: "events", policy } as const;
/** The same job in two deployments: the newer one may be held by a gate, and travels in packs. */
const before = defineJob({ ...common, payload: v.strictObject({ script, strict: v.boolean() }) });
const newest = defineJob({
  ...common,
  policy: { ...policy, pack: 3 },
  version: 2,
  upgrade: (payload) => ({ ...(payload as object), gated: false }),
  payload: v.strictObject({ script, strict: v.boolean(), gated: v.boolean() }),
  gates: ({ gated }) => (gated ? [narrow.name] : []),
});

interface Payload {
  script: readonly (typeof endings)[number][];
  strict: boolean;
  gated?: boolean;
}

export interface Outside {
  now(): number;
  alive(isolate: Isolate): void;
  count(isolate: Isolate): void;
}

/** The job of the model: it makes one effect, then ends as its script has it for its nth run. */
export function createModelled(history: History, outside: () => Outside, mutant: Mutant | null) {
  /** Calls that reached the provider, by idempotency key. */
  const calls = new Map<string, number>();
  const plays = new Map<string, number>();
  return { calls, jobsFor };

  function jobsFor(isolate: Isolate, { old = false }: { old?: boolean }): readonly Job[] {
    if (old) return [job(before, (payload, context) => run(isolate, payload, context))];
    return [job(newest, (payload, context) => run(isolate, payload, context))];
  }

  async function run(isolate: Isolate, payload: Payload, context: RunContext): Promise<Outcome> {
    const { tenant, id } = context;
    const named = { tenant, id, isolate: isolate.number };
    history.note({ is: "started", ...named, gates: payload.gated ? [narrow] : [], at: outside().now() });
    try {
      const outcome = await play(isolate, payload, context);
      history.note({ is: "ended", ...named, end: outcome.kind });
      return outcome;
    } catch (thrown) {
      history.note({ is: "ended", ...named, end: endBy(thrown) });
      throw thrown;
    }
  }

  async function play(isolate: Isolate, payload: Payload, context: RunContext): Promise<Outcome> {
    const played = plays.get(context.id) ?? 0;
    plays.set(context.id, played + 1);
    if (isolate.stop === "before") await halt(isolate);
    const options = payload.strict ? {} : { idempotentFor: 1e9 };
    const reply = await context.effect("send", (key) => act(isolate, mutant?.key?.(key, played) ?? key, payload, context), options);
    if (isolate.stop === "after") await halt(isolate);
    if (!reply.ok) return outcomeOf(reply.failure, context.now());
    return ending(payload.script[played] ?? "done", context.now());
  }

  async function act(isolate: Isolate, key: string, { strict }: Payload, { tenant, id }: RunContext): Promise<Reply<string>> {
    outside().alive(isolate);
    calls.set(key, (calls.get(key) ?? 0) + 1);
    history.note({ is: "called", tenant, id, effect: "send", key, remembers: !strict });
    outside().count(isolate);
    return { ok: true, value: key };
  }
}

async function halt(isolate: Isolate): Promise<void> {
  isolate.stop = null;
  isolate.stopped.resolve();
  await isolate.resume.promise;
}

function endBy(thrown: unknown): RunEnd {
  return thrown instanceof RunEnded || isOutcome(thrown) ? "revoked" : "retry";
}
