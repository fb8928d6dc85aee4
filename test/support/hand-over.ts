import { consume } from "../../src/queue/consume";
import type { EngineBench, Held } from "./engine";
import { jobsIn } from "./history/events";
import type { History } from "./history/history";
import type { Isolate } from "./isolate";
import type { Mutant } from "./mutant";

interface HandOverDeps {
  bench: EngineBench;
  history: History;
  die(isolate: Isolate): void;
  mutant: Mutant | null;
  violations: string[];
}

/** Gives messages to an isolate, as the platform does; what it leaves without an answer comes back. */
export function createHandOver({ bench, history, die, mutant, violations }: HandOverDeps) {
  return async (messages: readonly Held[], isolate: Isolate): Promise<void> => {
    const taken = new Set(messages);
    for (let index = bench.held.length - 1; index >= 0; index--) if (taken.has(bench.held[index] as Held)) bench.held.splice(index, 1);
    const answers = new Map<Held, "ack" | number>();
    const answerWith = (held: Held, answer: "ack" | number) => {
      if (isolate.dead || answers.has(held)) return;
      answers.set(held, answer);
      if (answer === "ack") history.note({ is: "acked", message: held.id, isolate: isolate.number });
      if (isolate.dies !== null && --isolate.dies <= 0) die(isolate);
    };
    for (const { id, queue, body } of messages) history.note({ is: "delivered", message: id, queue, jobs: jobsIn(body), isolate: isolate.number });
    const batch = messages.map((held) => ({
      id: held.id,
      timestamp: new Date(held.at),
      body: structuredClone(held.body),
      attempts: ++held.attempts,
      ack: () => answerWith(held, "ack"),
      retry: (how?: QueueRetryOptions) => answerWith(held, mutant?.retry?.() ?? how?.delaySeconds ?? 0),
    })) as unknown as Message[];
    await consume(isolate.engine, batch, messages[0]?.queue ?? "events");
    await mutant?.afterBatch?.();
    for (const held of messages) {
      const answer = answers.get(held);
      if (answer === undefined && !isolate.dead) violations.push("a message was left without an answer");
      if (answer !== "ack") bench.held.push({ ...held, at: bench.now() + (answer ?? 0) * 1000 });
    }
  };
}
