import { afterEach, describe, expect, test, vi } from "vitest";
import type { Http } from "../../../src/providers/http";
import type { MailMessage } from "../../../src/providers/mail/mail";
import { createPostmark } from "../../../src/providers/mail/postmark";
import { conformsToMail, fromBase64, message, sendBy } from "./conformance";

const serverToken = "0a1b2c3d-0000-4000-8000-123456789abc";
const create = (http: Http) => createPostmark({ http, serverToken, baseUrl: "https://postmark.example.com/", now: () => 0 });

const refused = (status: number, ErrorCode: number, Message: string) => ({
  what: `error ${ErrorCode}`,
  status,
  message: Message,
  body: { ErrorCode, Message },
});
const inactive = (address: string) => ({ address, suppress: true });

conformsToMail("Postmark", {
  create,
  secrets: [serverToken],
  accepted: { what: "accepted", status: 200, body: { To: "a@b.example", MessageID: "0a129aee-e1cd", ErrorCode: 0, Message: "OK" }, id: "0a129aee-e1cd" },
  sent: (call) => {
    const { From, To, ReplyTo, Subject, HtmlBody, TextBody, Headers, Attachments } = JSON.parse(call.body) as PostmarkBody;
    return {
      from: From,
      to: To.split(", "),
      replyTo: ReplyTo,
      subject: Subject,
      html: HtmlBody,
      text: TextBody,
      headers: Object.fromEntries(Headers.map(({ Name, Value }) => [Name, Value])),
      attachments: Attachments.map(({ Name, Content, ContentType }) => ({ filename: Name, contentType: ContentType, content: fromBase64(Content) })),
    } satisfies MailMessage;
  },
  refusals: [
    { ...refused(401, 10, "No Account or Server API tokens were supplied"), expected: { class: "config", code: "10" } },
    { ...refused(422, 300, "Invalid 'To' address: 'ada@example.com'."), expected: { class: "permanent", code: "300" } },
    { ...refused(422, 400, "The Sender Signature shop@example.com was not found"), expected: { class: "config", code: "400" } },
    { ...refused(422, 401, "The 'From' address is not a Sender Signature on your account"), expected: { class: "config", code: "401" } },
    { ...refused(422, 405, "You have run out of credits."), expected: { class: "config", code: "405" } },
    {
      ...refused(422, 406, "You tried to send to recipients that have been marked as inactive. Found inactive addresses: ada@example.com, grace@example.org. "),
      expected: { class: "permanent", code: "406", refused: [inactive("ada@example.com"), inactive("grace@example.org")] },
    },
    { ...refused(422, 406, "Found inactive addresses: someone@else.example."), expected: { class: "permanent", code: "406" } },
    { ...refused(422, 409, "JSON required"), expected: { class: "permanent", code: "409" } },
    { ...refused(422, 410, "Too many batch messages"), expected: { class: "permanent", code: "410" } },
    { ...refused(422, 412, "Your account is pending approval"), expected: { class: "config", code: "412" } },
    { ...refused(422, 413, "Your account is blocked"), expected: { class: "config", code: "413" } },
    { ...refused(200, 413, "Your account is blocked"), expected: { class: "config", code: "413" } },
    { ...refused(429, 429, "Rate limit exceeded"), expected: { class: "limited", code: "429", retryAfter: 60 } },
    { ...refused(500, 0, "Internal server error"), expected: { class: "transient", code: "0" } },
    { ...refused(503, 100, "Maintenance"), expected: { class: "transient", code: "100" } },
    { what: "another's 500", status: 500, body: "<html>", expected: { class: "uncertain", code: "500" } },
  ],
});

interface PostmarkBody {
  From: string;
  To: string;
  ReplyTo: string;
  Subject: string;
  HtmlBody: string;
  TextBody: string;
  Headers: { Name: string; Value: string }[];
  Attachments: { Name: string; Content: string; ContentType: string }[];
}

describe("what Postmark is sent and says", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("token and stream; bulk mail on its own", async () => {
    const { seen } = await sendBy(create, Response.json({ MessageID: "1", ErrorCode: 0 }));
    expect(seen[0]).toMatchObject({ url: "https://postmark.example.com/email", method: "POST" });
    expect(seen[0]?.headers.get("x-postmark-server-token")).toBe(serverToken);
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject({ MessageStream: "outbound" });
    const bulk = await sendBy((http) => ({ ...create(http), send: (_, options) => create(http).send({ ...message, bulk: true }, options) }), Response.json({}));
    expect(JSON.parse(bulk.seen[0]?.body ?? "")).toMatchObject({ MessageStream: "broadcast" });
  });

  test.each([
    ["OK", undefined],
    ["Message accepted, but delivery may be delayed.", undefined],
    ["Message OK, but will not deliver to these inactive addresses: grace@example.org.", [inactive("grace@example.org")]],
    ["Message OK, but will not deliver to these inactive addresses: xgrace@example.org, grace@example.org.cz", undefined],
  ])("a success with the words %j", async (Message, refusedThen) => {
    const { reply } = await sendBy(create, Response.json({ MessageID: "1", ErrorCode: 0, Message }));
    expect(reply).toEqual({ ok: true, value: { id: "1", ...(refusedThen ? { refused: refusedThen } : {}) } });
  });
});
