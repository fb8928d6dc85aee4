import { afterEach, describe, expect, test, vi } from "vitest";
import type { Http } from "../../../src/providers/http";
import { createHttp } from "../../../src/providers/http";
import type { MailFailure, MailMessage, MailProvider } from "../../../src/providers/mail/mail";
import { neverAnswers, stubFetch } from "../fetch-stub";
import type { Answer, SeenCall } from "../fetch-stub";

/** One answer as a provider really gives it. */
export interface Recorded {
  what: string;
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface Provider {
  create(http: Http): MailProvider;
  /** Of `create`'s mail; must never be shown. */
  secrets: readonly string[];
  accepted: Recorded & { id: string };
  /** The message as the provider was asked to send it. */
  sent(call: SeenCall): MailMessage;
  /** `message`: the sentence in the provider's answer, if it has one. */
  refusals: readonly (Recorded & { message?: string; expected: Omit<MailFailure, "reason" | "providerMessage"> })[];
}

export const message: MailMessage = {
  from: "Shop Example <shop@example.com>",
  to: ["Ada Lovelace <ada@example.com>", "grace@example.org"],
  replyTo: "help@example.com",
  subject: "Your order 4711",
  html: "<p>Größe 😀</p>",
  text: "Größe 😀",
  headers: { "List-Unsubscribe": "<https://jobs.example.com/u/1>" },
  attachments: [{ filename: "Größe.txt", contentType: "text/plain", content: new Uint8Array([1, 2, 250]) }],
};

export async function sendBy(create: (http: Http) => MailProvider, answer: Answer, signal = new AbortController().signal) {
  const seen = stubFetch(answer);
  const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
  const reply = await create(http).send(message, { idempotencyKey: "job-1:send:0", signal });
  return { reply, seen };
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function responseOf({ status, headers, body }: Recorded): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers: headers ?? {} });
}

/** What every adapter of the interface must do. */
export function conformsToMail(name: string, provider: Provider) {
  const personal = ["ada@example.com", "Ada Lovelace", "grace@example.org", "help@example.com", "shop@example.com", "4711", ...provider.secrets];

  describe(`${name} as Mail`, () => {
    afterEach(() => vi.unstubAllGlobals());

    test("sends the message as it is and returns the provider's id", async () => {
      const { reply, seen } = await sendBy(provider.create, responseOf(provider.accepted));
      expect(reply).toEqual({ ok: true, value: { id: provider.accepted.id } });
      expect(seen).toHaveLength(1);
      expect(provider.sent(seen[0]!)).toEqual(message);
    });

    test("sends the same bytes on every try", async () => {
      const tries = [await sendBy(provider.create, responseOf(provider.accepted)), await sendBy(provider.create, responseOf(provider.accepted))];
      expect(tries[0]?.seen[0]?.body).toBe(tries[1]?.seen[0]?.body);
      expect([...(tries[0]?.seen[0]?.headers ?? [])]).toEqual([...(tries[1]?.seen[0]?.headers ?? [])]);
    });

    test.each(provider.refusals)("$status $what", async (refusal) => {
      const { reply } = await sendBy(provider.create, responseOf(refusal));
      const { reason, providerMessage, ...failure } = reply.ok ? { reason: "" } : reply.failure;
      expect(failure).toEqual(refusal.expected);
      expect(reason).toMatch(/^(?:mail|Postmark): \d{3}(?: error \d+| [a-z_]+)?$/);
      // The sentence may name persons, which only an admin sees, and no secret.
      expect(providerMessage).toBe(provider.secrets.reduce<string | undefined>((text, secret) => text?.replaceAll(secret, "•••"), refusal.message?.trim()));
      for (const text of personal) expect(reason.toLowerCase()).not.toContain(text.toLowerCase());
    });

    test.each<[string, Answer]>([
      ["a lost connection", new Error("Network connection lost.")],
      ["a success without a body", new Response("")],
      ["a success that is no JSON", new Response("<html>OK</html>")],
      ["a success without an id", Response.json({ queued: true })],
      ["a server error", new Response("<h1>Bad gateway</h1>", { status: 502 })],
    ])("%s leaves it uncertain", async (_what, answer) => {
      const { reply } = await sendBy(provider.create, answer);
      expect(reply.ok ? "ok" : reply.failure.class).toBe("uncertain");
    });

    test("stops with the run", async () => {
      const run = new AbortController();
      const { reply } = await sendBy(
        provider.create,
        (call, signal) => {
          queueMicrotask(() => run.abort(new Error("cancelled")));
          return neverAnswers(call, signal);
        },
        run.signal,
      );
      expect(reply.ok ? "ok" : reply.failure.class).toBe("uncertain");
    });
  });
}
