import { failed, ok, type Reply } from "../../queue/effect";
import type { Calls } from "../../queue/gates";
import { answerTo } from "./ask";
import type { Chat, Chatted, Models } from "./models";

/** The circuits of several endpoints, by their places. Never throws. */
export interface Circuits {
  /** Undefined: it is open, so the endpoint is passed over. */
  enter(endpoint: number): Promise<string | undefined>;
  leave(endpoint: number, lease: string, how: Calls): Promise<void>;
}

/**
 * Asks the first endpoint whose circuit is closed, and the next one when it is down, busy, or refuses for a reason that lies with its account.
 * A question that no endpoint would answer otherwise (too long, filtered) is asked once. The failure of the first one that was asked is given back.
 */
export function withFallback(all: readonly Models[], circuits: Circuits, told: (how: "answered" | "transient") => void): Models {
  const chat = async (asked: Chat, signal: AbortSignal): Promise<Reply<Chatted>> => {
    let first: Reply<Chatted> | undefined;
    for (const [endpoint, models] of all.entries()) {
      const lease = await circuits.enter(endpoint);
      if (lease === undefined) continue;
      const reply = await models.chat(asked, signal);
      const isDown = !reply.ok && reply.failure.class === "transient";
      await circuits.leave(endpoint, lease, isDown ? "transient" : "answered");
      if (!isDown) told("answered");
      if (reply.ok) return ok({ ...reply.value, endpoint });
      first ??= reply;
      if (reply.failure.class === "permanent" || signal.aborted) return reply;
    }
    if (first && !first.ok && first.failure.class === "transient") told("transient");
    return first ?? failed({ class: "limited", reason: "models: the circuits of all endpoints are open", retryAfter: 30, code: "circuit" });
  };
  return {
    idempotentFor: Math.min(...all.map(({ idempotentFor }) => idempotentFor)),
    endpoints: all.flatMap(({ endpoints }) => endpoints),
    chat,
    ask: (question, signal) => answerTo(question, chat, signal),
  };
}
