import type { Connect, Socket } from "../../../src/providers/mail/smtp/session";

/** The server's answer to a line; null: it closes the connection, `never`: it does not answer. */
export type Script = (line: string, state: { tls: boolean; body: boolean }) => string | null | undefined;

export interface Scripted {
  connect: Connect;
  /** Every line that came, the body's too. */
  lines: string[];
  connected: { hostname: string; port: number; secureTransport: string }[];
  /** How many connections were closed from here. */
  closed(): number;
}

/** A server of SMTP in this isolate. `script` undefined for a line means the usual answer. */
export function scripted(script: Script = () => undefined, greeting: string | null = "220 mail.example ESMTP"): Scripted {
  const lines: string[] = [];
  const connected: Scripted["connected"] = [];
  let ends = 0;
  const open = (tls: boolean, greet: string | null | undefined): Socket => {
    let body = false;
    let rest = "";
    let out: ReadableStreamDefaultController<Uint8Array>;
    let closed = false;
    const say = (text: string | null) => {
      if (closed) return;
      if (text === null) return void ((closed = true), out.close());
      if (text !== "never") out.enqueue(new TextEncoder().encode(`${text}\r\n`));
    };
    const readable = new ReadableStream<Uint8Array>({
      start(controller) {
        out = controller;
        if (greet !== undefined) say(greet);
      },
    });
    const take = (line: string) => {
      lines.push(line);
      const scriptedAnswer = script(line, { tls, body });
      if (body) {
        if (line !== ".") return;
        body = false;
        return say(scriptedAnswer === undefined ? "250 2.0.0 Ok: queued as 4WxYz12345" : scriptedAnswer);
      }
      const answer = scriptedAnswer === undefined ? usual(line, tls) : scriptedAnswer;
      if (line === "DATA" && answer?.startsWith("354")) body = true;
      say(answer);
    };
    const writable = new WritableStream<Uint8Array>({
      write(chunk) {
        const parts = (rest + new TextDecoder().decode(chunk)).split("\r\n");
        rest = parts.pop() ?? "";
        parts.forEach(take);
      },
    });
    return { readable, writable, opened: Promise.resolve(), startTls: () => open(true, undefined), close: async () => void ends++ };
  };
  const connect: Connect = ({ hostname, port }, { secureTransport }) => {
    connected.push({ hostname, port, secureTransport });
    return open(secureTransport === "on", greeting);
  };
  return { connect, lines, connected, closed: () => ends };
}

function usual(line: string, tls: boolean): string {
  if (line.startsWith("EHLO")) return `250-mail.example\r\n250-SIZE 1000000\r\n${tls ? "" : "250-STARTTLS\r\n"}250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN`;
  if (line === "STARTTLS") return "220 2.0.0 Ready to start TLS";
  if (line.startsWith("AUTH PLAIN")) return "235 2.7.0 Authentication successful";
  if (line === "DATA") return "354 End data with <CR><LF>.<CR><LF>";
  return "250 2.1.0 Ok";
}
