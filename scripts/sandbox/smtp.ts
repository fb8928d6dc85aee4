import type { Socket } from "node:net";
import PostalMime, { type Address } from "postal-mime";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import type { Faults } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { World } from "./provider.ts";

export const smtpName = "smtp";

/** What the server needs of the sandbox. */
export interface SmtpWorld {
  world: World;
  journal: Journal;
  faults: Faults;
  /** Written to the archive before the client gets an answer. */
  keep(): void;
}

/** A step of a transaction, as a fault names it in `path`. */
type Step = "/login" | "/sender" | "/recipient" | "/data";

const maxBytes = 12 * 1024 * 1024;

/**
 * An SMTP server without TLS. A log-in whose name begins with `bad` is refused. Recipients: `unknown` does not exist, `full` has no room,
 * `greylisted` shall come later, `policy` is blocked. Faults: `status` is the code of the reply and `body` its text; `reset` and
 * `timeoutAfterAccept` end or hold the connection. Without a `path` they hit the end of the mail's data.
 */
export async function startSmtp(parts: SmtpWorld, port: number): Promise<{ port: number; close(): Promise<void> }> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    size: maxBytes,
    logger: false,
    // A connection that a fault holds ends with the sandbox.
    closeTimeout: 200,
    onAuth: ({ username = "" }, _session, done) =>
      step(parts, "/login", username.startsWith("bad") ? reply(535, "5.7.8 Authentication credentials invalid") : null, (refused) =>
        done(refused, { user: username }),
      ),
    onMailFrom: (_address, _session, done) => step(parts, "/sender", null, done),
    onRcptTo: ({ address }, _session, done) => step(parts, "/recipient", recipients[address.split("@")[0] ?? ""] ?? null, done),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.once("end", () => void accept(parts, session, Buffer.concat(chunks).toString("latin1"), done, () => hangUp(server, session)));
    },
  });
  server.on("error", () => undefined);
  const listening = await new Promise<number>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
  return { port: listening, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

const recipients: Record<string, Error> = {
  unknown: reply(550, "5.1.1 The mailbox does not exist"),
  full: reply(552, "5.2.2 The mailbox is full"),
  greylisted: reply(451, "4.7.1 Greylisted, try again later"),
  policy: reply(554, "5.7.1 Blocked by policy"),
};

function reply(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

/** Draws a fault only where one names this step, so that others wait for the mail itself. */
function step({ faults }: SmtpWorld, path: Step, refused: Error | null, done: (refused?: Error | null) => void): void {
  const named = faults.list().some((fault) => fault.path === path);
  const fault = named ? faults.hit(smtpName, "SMTP", path) : null;
  done(fault?.status ? reply(fault.status, String(fault.body ?? "refused by a fault")) : refused);
}

async function accept(
  { world, journal, faults, keep }: SmtpWorld,
  session: SMTPServerSession,
  raw: string,
  done: (refused?: Error | null, answer?: string) => void,
  hangUp: () => void,
): Promise<void> {
  const fault = faults.hit(smtpName, "SMTP", "/data");
  const received = { method: "SMTP", path: "/data", query: new URLSearchParams(), headers: {}, body: raw, key: null };
  const entry = journal.open(smtpName, received, world.now(), fault?.id ?? null);
  const acts = !fault || fault.afterAccept === true || fault.timeoutAfterAccept === true || !(fault.status || fault.reset);
  const id = acts ? await deliver(world, session, raw) : "";
  if (acts) keep();
  if (fault?.timeoutAfterAccept) return void (entry.end = "held");
  if (fault?.reset) {
    entry.end = "reset";
    return hangUp();
  }
  entry.status = fault?.status ?? 250;
  entry.end = "answered";
  if (fault?.status) return done(reply(fault.status, String(fault.body ?? "refused by a fault")));
  done(null, `2.0.0 Ok: queued as ${id}`);
}

async function deliver(world: World, { envelope }: SMTPServerSession, raw: string): Promise<string> {
  const mail = await PostalMime.parse(raw);
  const id = crypto.randomUUID();
  world.effects.record(smtpName, null);
  world.mailbox.deliver({
    id,
    at: new Date(world.now()).toISOString(),
    from: written(mail.from) ?? "",
    to: envelope.rcptTo.map(({ address }) => address),
    cc: [],
    bcc: [],
    replyTo: (mail.replyTo ?? []).flatMap((each) => written(each) ?? []),
    subject: mail.subject ?? "",
    html: mail.html ?? null,
    text: mail.text ?? null,
    headers: Object.fromEntries(mail.headers.filter(({ key }) => key.startsWith("list-") || key === "message-id").map(({ key, value }) => [key, value])),
    idempotencyKey: null,
    source: raw,
  });
  return id;
}

function written(address: Address | undefined): string | undefined {
  if (!address?.address) return undefined;
  return address.name ? `${address.name} <${address.address}>` : address.address;
}

/** Ends the connection without a reply. The library has no call for it. */
function hangUp(server: SMTPServer, { id }: SMTPServerSession): void {
  const connections = (server as unknown as { connections: Set<{ session: SMTPServerSession; _socket: Socket }> }).connections;
  for (const { session, _socket: socket } of connections) if (session.id === id) socket.destroy();
}
