import { describe, expect, test } from "vitest";
import { type Script } from "./smtp-scripted";
import { one, send, at } from "./smtp-send";

describe("a transaction", () => {
  test("goes over TLS, logs in, names every recipient and hands the mail over once", async () => {
    const { reply, lines, connected, calls } = await send(() => undefined);
    expect(reply).toEqual({ ok: true, value: { id: expect.stringMatching(/^[0-9a-f]{32}@example\.com$/), alias: "4WxYz12345" } });
    expect(connected).toEqual([{ hostname: "mail.example.com", port: 587, secureTransport: "starttls" }]);
    const login = btoa("\0acme\0geheim-password");
    const commands = lines.filter((line) => /^(?:EHLO|STARTTLS|AUTH|MAIL|RCPT|DATA|\.$|QUIT)/.test(line));
    expect(commands).toEqual([
      "EHLO example.com",
      "STARTTLS",
      "EHLO example.com",
      `AUTH PLAIN ${login}`,
      "MAIL FROM:<shop@example.com>",
      "RCPT TO:<ada@example.com>",
      "RCPT TO:<grace@example.org>",
      "DATA",
      ".",
      "QUIT",
    ]);
    expect(calls).toEqual(["answered"]);
  });

  test("is the same bytes on every try, its id made from the key", async () => {
    const [first, second] = [await send(() => undefined), await send(() => undefined)];
    expect(first.lines).toEqual(second.lines);
  });

  test("an old server that does not support EHLO is greeted with HELO", async () => {
    const { reply, lines } = await send(at("EHLO", "502 not implemented"), { options: { tls: "none", username: undefined, password: undefined } });
    expect([reply.ok, lines.includes("HELO example.com")]).toEqual([true, true]);
  });

  test("logs in by LOGIN where that is offered alone", async () => {
    const script: Script = (line) =>
      line.startsWith("EHLO")
        ? "250-mail.example\r\n250 AUTH LOGIN"
        : line === "AUTH LOGIN" || line === btoa("acme")
          ? "334 VXNlcm5hbWU6"
          : line === btoa("geheim-password")
            ? "235 ok"
            : undefined;
    expect((await send(script, { options: { tls: "implicit" } })).reply.ok).toBe(true);
  });

  test("an international domain travels in ASCII; letters that cannot are refused before any call", async () => {
    const to = ["Ada <ada@grüße.example>", '"ada@grüße.example" <$&.ada@grüße.example>'];
    const { lines } = await send(() => undefined, { mail: { ...one, to } });
    expect(lines).toContain("RCPT TO:<ada@xn--gre-6ka8l.example>");
    expect(lines).toContain("RCPT TO:<$&.ada@xn--gre-6ka8l.example>");
    const { reply, connected } = await send(() => undefined, { mail: { ...one, to: ["größe@example.com"] } });
    expect([reply, connected]).toMatchObject([{ failure: { class: "permanent" } }, []]);
  });
});
