import type { MailMessage } from "../../../src/providers/mail/mail";
import { createSmtp, type SmtpOptions } from "../../../src/providers/mail/smtp/smtp";
import { message } from "./conformance";
import { type Script, scripted, type Scripted } from "./smtp-scripted";

export const now = Date.UTC(2026, 9, 30, 23, 0, 0);

export const one: MailMessage = { ...message, to: ["Ada Lovelace <ada@example.com>"] };

export interface How {
  mail?: MailMessage;
  server?: Scripted;
  options?: Partial<SmtpOptions>;
  signal?: AbortSignal;
}

export async function send(script: Script, { mail = message, server = scripted(script), options = {}, signal = new AbortController().signal }: How = {}) {
  const calls: string[] = [];
  const usual = { connect: server.connect, host: "mail.example.com", port: 587, tls: "starttls" as const, username: "acme", password: "geheim-password" };
  const provider = createSmtp({ ...usual, now: () => now, refused: () => undefined, onResult: (call) => void calls.push(call), ...options });
  return { reply: await provider.send(mail, { idempotencyKey: "job-1:send:0", signal }), calls, ...server };
}

export const at =
  (command: string, answer: string | null): Script =>
  (line, { body }) =>
    body ? (command === "." && line === "." ? answer : undefined) : line.startsWith(command) && command !== "." ? answer : undefined;
