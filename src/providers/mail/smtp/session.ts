import { unlessAborted } from "../../body";

/** The used part of a socket of the runtime's `connect`. */
export interface Socket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<unknown>;
  startTls(): Socket;
  close(): Promise<void>;
}

export type Connect = (address: { hostname: string; port: number }, options: { secureTransport: "on" | "starttls" | "off"; allowHalfOpen: false }) => Socket;

export interface SmtpReply {
  code: number;
  /** `5.1.1`; undefined where the server gives none. */
  enhanced: string | undefined;
  /** All lines, without their codes. */
  text: string;
}

/** The connection ended, timed out or was no SMTP. */
export class SmtpLost extends Error {
  override readonly name = "SmtpLost";
}

/** Characters of one reply. */
const maxReply = 16 * 1024;

/** Time limit of closing a connection. */
const maxEndMs = 500;

/** One connection of commands and replies. Every call throws `SmtpLost` when there is no reply, or the server replied before the command. */
export interface SmtpSession {
  reply(): Promise<SmtpReply>;
  /** Throws when a reply came before its command: later replies would be assigned to wrong commands. */
  refuseEarlyReply(): Promise<void>;
  command(line: string): Promise<SmtpReply>;
  write(data: string): Promise<void>;
  startTls(): void;
  /** Never throws, never waits for long. */
  end(): Promise<void>;
}

/** `signal` ends every wait. A socket that does not open is closed. */
export async function openSmtpSession(socket: Socket, signal: AbortSignal): Promise<SmtpSession> {
  let current = socket;
  let reader = current.readable.getReader();
  let writer = current.writable.getWriter();
  let rest = "";
  let decoder = new TextDecoder();
  // A started read whose reply is not used yet.
  let coming: ReturnType<typeof reader.read> | undefined;
  const nextRead = () => {
    if (!coming) (coming = reader.read()).catch(() => undefined);
    return coming as ReturnType<typeof reader.read>;
  };
  const waited = async <T>(what: Promise<T>): Promise<T> => {
    try {
      return await unlessAborted(what, signal);
    } catch (cause) {
      throw new SmtpLost("the connection failed or timed out", { cause });
    }
  };
  const line = async (): Promise<string> => {
    for (;;) {
      const end = rest.indexOf("\n");
      if (end >= 0) {
        const line = rest.slice(0, end).replace(/\r$/, "");
        rest = rest.slice(end + 1);
        return line;
      }
      const { done, value } = await waited(nextRead());
      coming = undefined;
      if (done) throw new SmtpLost("the server closed the connection");
      rest += decoder.decode(value, { stream: true });
      if (rest.length > maxReply) throw new SmtpLost("the server's reply is too long");
    }
  };
  const refuseEarlyReply = async () => {
    const arrived = rest !== "" || (await Promise.race([nextRead().then(() => true), scheduler.wait(0).then(() => false)]).catch(() => true));
    if (arrived) throw new SmtpLost("the server answered before it was asked, or closed the connection");
  };
  const write = (data: string) => waited(writer.write(new TextEncoder().encode(data)));
  const reply = () => readReply(line);
  try {
    await waited(current.opened);
  } catch (lost) {
    await closed(current);
    throw lost;
  }
  return {
    reply,
    refuseEarlyReply,
    write,
    command: async (text) => {
      await refuseEarlyReply();
      await write(`${text}\r\n`);
      return reply();
    },
    startTls() {
      // Bytes that arrived unencrypted after the reply must not be read as part of the encrypted session.
      if (rest !== "") throw new SmtpLost("the server answered before it was asked");
      decoder = new TextDecoder();
      reader.releaseLock();
      writer.releaseLock();
      current = current.startTls();
      reader = current.readable.getReader();
      writer = current.writable.getWriter();
    },
    async end() {
      // A lost connection needs no QUIT.
      writer.write(new TextEncoder().encode("QUIT\r\n")).catch(() => undefined);
      await closed(current);
    },
  };
}

/** Closes the socket within `maxEndMs`. */
async function closed(socket: Socket): Promise<void> {
  await Promise.race([socket.close().catch(() => undefined), scheduler.wait(maxEndMs)]);
}

async function readReply(line: () => Promise<string>): Promise<SmtpReply> {
  const texts: string[] = [];
  for (let size = 0; ;) {
    const text = await line();
    const [, code, more, rest = ""] = /^([2-5]\d\d)([ -]?)(.*)$/s.exec(text) ?? [];
    if (code === undefined) throw new SmtpLost("the server's reply is no SMTP");
    size += text.length;
    if (size > maxReply) throw new SmtpLost("the server's reply is too long");
    texts.push(rest);
    if (more === "-") continue;
    const [, enhanced, detail] = /^([245]\.\d{1,3}\.\d{1,3}) ?(.*)$/s.exec(rest) ?? [undefined, undefined, rest];
    return { code: Number(code), enhanced, text: texts.length > 1 ? texts.join("\n") : (detail ?? "") };
  }
}
