import { failed, ok, type Reply } from "../../queue/effect";
import type { CallResult, GateReport } from "../../queue/ports/gates";
import { answerTo } from "./ask";
import { overBudget } from "./chat";
import type { CallOptions, Chatted, Models } from "./models";

/** The circuits of several endpoints, by index. Never throws. */
interface Circuits {
  /** A lease; undefined: the circuit is open, so the endpoint is skipped. */
  enter(endpoint: number): Promise<string | undefined>;
  leave(endpoint: number, lease: string, how: GateReport): Promise<void>;
}

/**
 * Calls the first endpoint whose circuit is closed, and the next when it is down, busy, or refuses for a reason of its account.
 * A request that all endpoints would refuse (too long, filtered) is sent once. Returns the failure of the first endpoint that was called.
 */
export function withFallback(all: readonly Models[], circuits: Circuits, onResult: (how: CallResult) => void): Models {
  const chat: Models["chat"] = async (chatRequest, signal, options = {}) => {
    let first: Reply<Chatted> | undefined;
    for (const [endpoint, models] of all.entries()) {
      const lease = await circuits.enter(endpoint);
      if (lease === undefined) continue;
      let how: GateReport = "none";
      try {
        const reply = await models.chat(chatRequest, signal, at(endpoint, options));
        how = callsOf(reply);
        if (how === "answered") onResult("answered");
        if (reply.ok) return ok({ ...reply.value, endpoint });
        // Reports the failure of the called endpoint, not that a more expensive one exceeds the budget.
        if (!first || isOverBudget(first)) first = reply;
        if (reply.failure.class === "permanent" || signal.aborted) return reply;
      } finally {
        await circuits.leave(endpoint, lease, how);
      }
    }
    if (first && !first.ok && first.failure.class === "transient") onResult("transient");
    return first ?? failed({ class: "limited", reason: "models: the circuits of all endpoints are open", retryAfter: 30, code: "circuit" });
  };
  return {
    idempotentFor: Math.min(...all.map(({ idempotentFor }) => idempotentFor)),
    endpoints: all.flatMap(({ endpoints }) => endpoints),
    chat,
    ask: (question, signal, options) => answerTo(question, chat, signal, options),
  };
}

/** Each call counts for its endpoint, whichever answers in the end. */
function at(endpoint: number, { meter, ...options }: CallOptions): CallOptions {
  if (!meter) return options;
  return { ...options, meter: { reserve: (bound) => meter.reserve({ ...bound, endpoint }), lost: (isBilled) => meter.lost(isBilled) } };
}

/** A call that was not allowed does not count for its endpoint. */
function callsOf(reply: Reply<Chatted>): GateReport {
  if (reply.ok) return "answered";
  if (isOverBudget(reply)) return "none";
  return reply.failure.class === "transient" ? "transient" : "answered";
}

function isOverBudget(reply: Reply<Chatted>): boolean {
  return !reply.ok && reply.failure.code === overBudget;
}
