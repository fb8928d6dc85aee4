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

/** `signal` ends every wait. A socket that does not open is closed. */
export async function openSmtpSession(socket: Socket, signal: AbortSignal): Promise<SmtpSession> {
  const session = new SmtpSession(socket, signal);
  try {
    await waited(socket.opened, signal);
  } catch (lost) {
    await closeSocket(socket);
    throw lost;
  }
  return session;
}

/** One connection of commands and replies. Every call throws `SmtpLost` when there is no reply, or the server replied before the command. */
export class SmtpSession {
  readonly #signal: AbortSignal;
  #socket: Socket;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #decoder = new TextDecoder();
  /** Text after the lines that were read. */
  #rest = "";
  /** A started read whose reply is not used yet. */
  #coming: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;

  constructor(socket: Socket, signal: AbortSignal) {
    this.#signal = signal;
    this.#socket = socket;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
  }

  reply(): Promise<SmtpReply> {
    return readReply(() => this.#line());
  }

  /** Throws when a reply came before its command: later replies would be assigned to wrong commands. */
  async refuseEarlyReply(): Promise<void> {
    const read = () => this.#nextRead().then(() => true);
    const arrived = this.#rest !== "" || (await Promise.race([read(), scheduler.wait(0).then(() => false)]).catch(() => true));
    if (arrived) throw new SmtpLost("the server answered before it was asked, or closed the connection");
  }

  async command(line: string): Promise<SmtpReply> {
    await this.refuseEarlyReply();
    await this.write(`${line}\r\n`);
    return this.reply();
  }

  write(data: string): Promise<void> {
    return waited(this.#writer.write(new TextEncoder().encode(data)), this.#signal);
  }

  startTls(): void {
    // Bytes that arrived unencrypted after the reply must not be read as part of the encrypted session.
    if (this.#rest !== "") throw new SmtpLost("the server answered before it was asked");
    this.#decoder = new TextDecoder();
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    this.#socket = this.#socket.startTls();
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
  }

  /** Never throws, never waits for long. */
  async end(): Promise<void> {
    // A lost connection needs no QUIT.
    this.#writer.write(new TextEncoder().encode("QUIT\r\n")).catch(() => undefined);
    await closeSocket(this.#socket);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end).replace(/\r$/, "");
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { done, value } = await waited(this.#nextRead(), this.#signal);
      this.#coming = undefined;
      if (done) throw new SmtpLost("the server closed the connection");
      this.#rest += this.#decoder.decode(value, { stream: true });
      if (this.#rest.length > maxReply) throw new SmtpLost("the server's reply is too long");
    }
  }

  #nextRead(): Promise<ReadableStreamReadResult<Uint8Array>> {
    if (!this.#coming) (this.#coming = this.#reader.read()).catch(() => undefined);
    return this.#coming as Promise<ReadableStreamReadResult<Uint8Array>>;
  }
}

async function waited<T>(what: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await unlessAborted(what, signal);
  } catch (cause) {
    throw new SmtpLost("the connection failed or timed out", { cause });
  }
}

/** Closes the socket within `maxEndMs`. */
async function closeSocket(socket: Socket): Promise<void> {
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
