import type { Answering, Call, Provider, Reply } from "./provider.ts";

/**
 * Slack's incoming webhooks: `POST /slack`, or `POST /slack/{hook}` with any name. Answers are plain text and there is no idempotency: every post is an effect. The hook `no-service` was removed, `archived` posts to an archived channel,
 * `prohibited` may not post, `limited` is always asked too often.
 */
export const slack: Provider = {
  name: "slack",
  open(world) {
    return {
      async answer(call) {
        const refusal = refused(call);
        if (refusal) return refusal;
        await call.pause();
        world.effects.record(slack.name, call.key);
        return text(200, "ok");
      },
      refuse: (status) => text(status, words[status] ?? "server_error"),
      reset: () => undefined,
    } satisfies Answering;
  },
};

const hooks: Record<string, [status: number, word: string]> = {
  "no-service": [404, "no_service"],
  archived: [410, "channel_is_archived"],
  prohibited: [403, "action_prohibited"],
  limited: [429, "rate_limited"],
};

const words: Record<number, string> = {
  400: "invalid_payload",
  403: "action_prohibited",
  404: "no_service",
  410: "channel_is_archived",
  429: "rate_limited",
  500: "rollup_error",
};

const mostText = 40_000;
const mostBlocks = 50;

function refused(call: Call): Reply | null {
  const hook = /^\/([A-Za-z0-9_-]{0,64})$/.exec(call.path)?.[1] ?? "no-service";
  const special = hooks[hook];
  if (special) return text(...special);
  if (call.method !== "POST") return text(400, "invalid_payload");
  const message = parsed(call.body);
  if (!message) return text(400, "invalid_payload");
  if (Array.isArray(message["blocks"]) ? message["blocks"].length > mostBlocks : message["blocks"] !== undefined) return text(400, "invalid_blocks");
  if (typeof message["text"] !== "string" || message["text"] === "") return message["blocks"] === undefined ? text(400, "no_text") : null;
  return message["text"].length > mostText ? text(400, "msg_too_long") : null;
}

function text(status: number, body: string): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...(status === 429 ? { "retry-after": "1" } : {}) }, body };
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
