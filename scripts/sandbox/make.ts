import type { Answering, Call, Provider, Reply } from "./provider.ts";

const mostBody = 5 * 1024 * 1024;

/**
 * Make.com's custom webhooks: `POST /make/{hook}`. It answers `Accepted` to each call that it can queue and accepts no idempotency key:
 * every accepted call is an effect, under its webhook-id. The hook `gone` was removed, `full` has no room in its queue,
 * `keyed` requires `x-make-apikey: sandbox`.
 */
export const make: Provider = {
  name: "make",
  open(world) {
    return {
      async answer(call) {
        const refusal = refused(call);
        if (refusal) return refusal;
        await call.pause();
        world.effects.record(make.name, call.headers["webhook-id"] ?? call.key);
        return { status: 200, body: "Accepted" };
      },
      refuse: faultReply,
      reset: () => undefined,
    } satisfies Answering;
  },
};

function refused(call: Call): Reply | null {
  const hook = /^\/([A-Za-z0-9_-]{1,64})$/.exec(call.path)?.[1];
  if (hook === undefined || hook === "gone") return faultReply(410);
  if (hook === "full") return faultReply(400);
  if (hook === "keyed" && call.headers["x-make-apikey"] !== "sandbox") return { status: 401, body: "Unauthorized" };
  return Buffer.byteLength(call.body) > mostBody ? faultReply(413) : null;
}

const texts: Record<number, string> = {
  400: "Queue is full.",
  404: "There is no scenario listening for this webhook.",
  410: "Gone",
  413: "Request entity too large",
  429: "Too many requests sent in a short time.",
  500: "Scenario failed to complete.",
};

function faultReply(status: number): Reply {
  const headers: Record<string, string> = status === 429 ? { "retry-after": "1" } : {};
  return { status, headers, body: texts[status] ?? "Scenario failed to complete." };
}
