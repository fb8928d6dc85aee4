import { env } from "cloudflare:workers";
import { createAttachments } from "../../src/domain/mail/attachments";
import type { Template } from "../../src/domain/mail/model";
import { createMutex } from "../../src/domain/media/mutex";
import { email } from "../../src/jobs/email/job";
import { runEmail } from "../../src/jobs/email/run";
import type { Mail, MailMessage, SentMessage } from "../../src/providers/mail/mail";
import { ok, type Reply } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { workJob, type WorkOptions } from "../support/work-job";
import { fakeSuppressions } from "./fake-suppressions";

export type EmailInput = InputOf<typeof email>;

const welcome: Template = { id: "welcome", version: 2, subject: "Hi {{ name }}", html: "<p>{{ name }} {{ 'now' | date: '%Y' }}</p>", created: 5 };

interface Options extends WorkOptions<typeof email> {
  /** The provider's answers in their order, the last again and again; default: it took the mail. */
  replies?: Reply<SentMessage>[];
  mail?: Partial<Mail>;
  suppressed?: Record<string, "bounce" | "unsubscribe">;
  run?: typeof runEmail;
}

/** An email job after its first run, what the provider was sent, and which templates were asked for. */
export async function sendEmail(input: EmailInput, { replies = [ok({ id: "m-1" })], mail = {}, suppressed = {}, run = runEmail, ...options }: Options = {}) {
  const sent: { message: MailMessage; idempotencyKey: string }[] = [];
  const lookups: unknown[][] = [];
  const capabilities = {
    mail: {
      idempotentFor: 86_400,
      send: async (message: MailMessage, { idempotencyKey }: { idempotencyKey: string }) => {
        sent.push({ message, idempotencyKey });
        return replies[Math.min(sent.length, replies.length) - 1]!;
      },
      ...mail,
    },
    // Looked up at each run: a test may suppress an address in between.
    suppressions: {
      ...fakeSuppressions(),
      split: (...about: Parameters<ReturnType<typeof fakeSuppressions>["split"]>) => fakeSuppressions(suppressed).split(...about),
    },
    attachments: createAttachments(env.MEDIA, createMutex(), options.tenant ?? "acme"),
    templates: {
      at: async (...question: [string, string, number]) => {
        lookups.push(question);
        return question[1] === "welcome" ? welcome : null;
      },
    },
  };
  return { job: await workJob(email, run, input, { ...options, capabilities }), sent, lookups };
}
