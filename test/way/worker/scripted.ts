import * as v from "valibot";
import { outcomeOf } from "../../../src/queue/effect";
import { defineJob, type PayloadOf, type Run, type RunContext } from "../../../src/queue/job";
import { discard, done, type Outcome, retry } from "../../../src/queue/outcome";
import { personal } from "../../../src/masking/personal";
import { die } from "./abort";

const step = v.variant("do", [
  v.strictObject({ do: v.literal("mail"), to: v.string() }),
  v.strictObject({ do: v.literal("checkpoint") }),
  v.strictObject({ do: v.literal("progress") }),
  v.strictObject({ do: v.literal("hang") }),
  v.strictObject({ do: v.literal("deaf") }),
  v.strictObject({ do: v.literal("abort") }),
  v.strictObject({ do: v.literal("spin") }),
  v.strictObject({ do: v.literal("fail") }),
  v.strictObject({ do: v.literal("throw"), text: v.pipe(v.string(), personal()) }),
]);

/** A job that does what its payload lists, step by step; a checkpoint keeps what is behind it from being repeated. */
export const scripted = defineJob({
  type: "scripted",
  queue: "events",
  needs: ["mail"],
  policy: { maxAttempts: 3, backoff: { base: 1, cap: 1 }, timeout: 60, concurrency: 20 },
  payload: v.strictObject({ steps: v.array(step), entity: v.optional(v.string()) }),
  entities: ({ entity }) => (entity ? [entity] : []),
});

type Step = PayloadOf<typeof scripted>["steps"][number];
type Context = Parameters<Run<typeof scripted>>[1];

export const follow: Run<typeof scripted> = async ({ steps }, context) => {
  const from = typeof context.cursor === "number" ? context.cursor : 0;
  for (const [index, each] of steps.entries()) {
    if (index < from) continue;
    const ending = await take(each, index, context);
    if (ending) return ending;
  }
  return done({ steps: steps.length });
};

async function take(each: Step, index: number, context: Context): Promise<Outcome | undefined> {
  switch (each.do) {
    case "mail":
      return mailOne(each.to, index, context);
    case "checkpoint":
      return void (await context.checkpoint(index + 1));
    case "progress":
      return void (await context.progress(index + 1, 10, "on the way"));
    case "hang":
      return untilAborted(context);
    case "deaf":
      return new Promise(() => undefined);
    case "abort":
      return die();
    case "spin":
      return spin();
    case "fail":
      return retry("scripted failure");
    case "throw":
      throw new Error(each.text);
  }
}

async function mailOne(to: string, index: number, { mail, effect, signal, now }: Context): Promise<Outcome | undefined> {
  const message = { from: "Script <script@shop.example>", to: [to], subject: `Step ${index}`, text: "scripted", html: undefined, replyTo: undefined };
  const sent = await effect(`step-${index}`, (idempotencyKey) => mail.send(message, { idempotencyKey, signal }), { idempotentFor: mail.idempotentFor });
  return sent.ok ? undefined : outcomeOf(sent.failure, now());
}

/** Computes for longer than anything waits, and then gives up: what is left running of a test must end some time. */
function spin(): Outcome {
  const until = Date.now() + 120_000;
  while (Date.now() < until);
  return discard("it span to its end");
}

function untilAborted({ signal }: RunContext): Promise<Outcome> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(discard("the signal fired"))));
}
