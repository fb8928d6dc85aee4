import * as v from "valibot";
import { type EffectOptions, type OpenTry, outcomeOf, type Reply } from "../../src/queue/effect";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { done, type Outcome } from "../../src/queue/outcome";
import { type BenchOptions, createEngineBench } from "./engine";

/** A job with one effect; `act` is the outside world. */
export function sender(
  act: (key: string, n: number) => Reply<unknown> | Promise<Reply<unknown>>,
  options: EffectOptions & { policy?: Partial<Policy>; bench?: BenchOptions } = {},
) {
  const { policy, bench: benchOptions, ...effect } = options;
  const keys: string[] = [];
  const pins: number[] = [];
  const earlier: (OpenTry | undefined)[] = [];
  const run = async (context: RunContext): Promise<Outcome> => {
    const reply = await context.effect(
      "send",
      async (key, open) => {
        keys.push(key);
        earlier.push(open);
        pins.push(context.pinnedAt);
        return act(key, keys.length);
      },
      effect,
    );
    return reply.ok ? done(reply.value) : outcomeOf(reply.failure, context.now());
  };
  const contract = defineJob({
    type: "sender",
    queue: "events",
    payload: v.strictObject({}),
    policy: { backoff: { base: 1, cap: 1 }, maxAttempts: 3, timeout: 5, ...policy },
  });
  const bench = createEngineBench({ ...benchOptions, jobs: [job(contract, (_payload, context) => run(context))] });
  const send = (more: { dryRun?: boolean } = {}) => bench.acceptOne({ type: "sender", payload: {}, ...more });
  const effects = () => bench.all("SELECT key, revision, state, result FROM effects");
  return { bench, keys, pins, earlier, send, effects };
}
