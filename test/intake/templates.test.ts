import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { withKnownTemplates } from "../../src/domain/mail/known";
import { previewShape, templateShape, templatesShape } from "../../src/intake/routes/templates";
import type { Receipt } from "../../src/queue/request";
import { createIntakeBench, type Tokens } from "./bench";

const bench = createIntakeBench();
let tokens: Tokens;

beforeAll(async () => void (tokens = await bench.tenant("layouts")));

const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

const put = (id: string, body: unknown) => bench.call("PUT", `/v1/templates/${id}`, { token: tokens.admin, body });
const preview = (id: string, body: unknown) => bench.call("POST", `/v1/templates/${id}/preview`, { token: tokens.read, body });

describe("layouts", () => {
  test("print each part of a template, escaped once, and a text is made where there is none", async () => {
    await put("frame", { subject: "-", html: "<main>{{ content }}<p>{{ shop }}</p></main>", text: "{{ content }}\n-- \n{{ shop }}" });
    expect((await put("order", { subject: "Order {{ n }}", html: "<p>Dear {{ name }}</p>", layout: "frame" })).status).toBe(200);
    const { status, body } = await preview("order", { variables: { n: 7, name: "A & B", shop: "Shop" } });
    expect(status).toBe(200);
    expect(fits(previewShape, body)).toBe(true);
    expect(body).toMatchObject({
      version: 1,
      layoutVersion: 1,
      subject: "Order 7",
      html: "<main><p>Dear A &amp; B</p><p>Shop</p></main>",
      text: "Dear A & B\n\nShop\n",
    });
    await put("both", { subject: "s", html: "<b>h</b>", text: "t", layout: "frame" });
    expect((await preview("both", { variables: { shop: "Shop" } })).body).toMatchObject({ text: "t\n-- \nShop" });
  });

  test.each([
    ["missing", { subject: "s", text: "t", layout: "nowhere" }, 'there is no template "nowhere"'],
    ["empty", { subject: "s", text: "t", layout: "bare" }, "does not print {{ content }}"],
    ["deep", { subject: "s", text: "t", layout: "laid" }, "a layout has none"],
    ["own", { subject: "s", text: "t", layout: "own" }, "is the template itself"],
  ])("that cannot be one are refused: %s", async (id, content, message) => {
    await put("bare", { subject: "s", text: "t" });
    await put("base", { subject: "s", text: "{{ content }}" });
    await put("laid", { subject: "s", text: "{{ content }}", layout: "base" });
    const { status, body } = await put(id, content);
    expect([status, body.errors]).toEqual([422, [{ path: "layout", message: expect.stringContaining(message) }]]);
  });
});

test("a layout that others use stays one: content that would break their mails is refused", async () => {
  await put("shell", { subject: "s", html: "<main>{{ content }}</main>" });
  await put("letter", { subject: "s", html: "<p>x</p>", layout: "shell" });
  await put("rim", { subject: "s", html: "{{ content }}" });
  const errorsOf = async (content: object) => (await put("shell", { subject: "s", ...content })).body.errors;
  const sentence = expect.stringContaining('the layout of "letter"');
  expect(await errorsOf({ html: "<main></main>" })).toEqual([{ path: "html", message: sentence }]);
  expect(await errorsOf({ html: "{{ content }}", text: "-" })).toEqual([{ path: "html", message: sentence }]);
  expect(await errorsOf({ html: "{{ content }}", layout: "rim" })).toEqual([{ path: "layout", message: sentence }]);
  expect((await put("shell", { subject: "s", html: "<b>{{ content }}</b>" })).status).toBe(200);
  await put("letter", { subject: "s", html: "<p>x</p>" });
  expect((await put("shell", { subject: "s", html: "<main></main>" })).status).toBe(200);
});

describe("preview", () => {
  test("says of content that was given where it is wrong", async () => {
    const { body } = await preview("fresh", { content: { subject: "{{", html: "x", layout: "nowhere" } });
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(["content.subject", "content.layout"]);
  });

  test("shows content that is not stored, and stores nothing", async () => {
    const { body } = await preview("fresh", { variables: { a: "<" }, content: { subject: "{{ a }}", html: "<i>{{ a }}</i>" } });
    expect(body).toMatchObject({ version: null, subject: "<", html: "<i>&lt;</i>", text: "<\n" });
    expect((await bench.call("GET", "/v1/templates/fresh", { token: tokens.read })).status).toBe(404);
  });

  test("prints a sample of the link to unsubscribe, which bulk mail is given", async () => {
    await put("bulk", { subject: "s", text: "{{ unsubscribeUrl }}" });
    expect((await preview("bulk", {})).body.text).toMatch(/^https?:\/\/[^/]+\/u\/sample$/);
    expect((await preview("bulk", { variables: { unsubscribeUrl: "mine" } })).body.text).toBe("mine");
  });

  test("names what is missing, what is wrong, and what is not there", async () => {
    await put("strict", { subject: "s", text: "Dear {{ name }}" });
    const missing = await preview("strict", {});
    expect([missing.status, missing.body.errors]).toEqual([422, [{ path: "variables", message: 'text: line 1, column 9: the variable "name" is not given' }]]);
    const wrong = await preview("strict", { content: { subject: "{{", text: "x" } });
    expect([wrong.status, wrong.body.errors[0].path]).toEqual([422, "content.subject"]);
    expect((await preview("nowhere", {})).status).toBe(404);
  });
});

test("templates are listed by name, those that are built in as well, page by page", async () => {
  const token = (await bench.tenant("listed")).admin;
  for (const id of ["zebra", "welcome", "aardvark"])
    for (const text of ["1", "2"]) await bench.call("PUT", `/v1/templates/${id}`, { token, body: { subject: id, text } });
  const all: [string, number][] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { body } = await bench.call("GET", `/v1/templates?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`, { token });
    expect(fits(templatesShape, body)).toBe(true);
    all.push(...body.templates.map(({ id, version }: { id: string; version: number }) => [id, version]));
    cursor = body.cursor;
  }
  expect(all).toEqual([
    ["aardvark", 2],
    ["follow-up", 0],
    ["offer", 0],
    ["welcome", 2],
    ["zebra", 2],
  ]);
  const builtIn = await bench.call("GET", "/v1/templates/offer", { token });
  expect([builtIn.status, builtIn.body.version, builtIn.body.created, fits(templateShape, builtIn.body)]).toEqual([200, 0, null, true]);
});

describe("a mail by a template that does not exist", () => {
  const accepted: Receipt = { ok: true, id: "1", type: "email", state: "queued", replayed: false };
  const mail = (templateId: unknown, tenant = "t") => ({ tenant, type: "email", payload: { to: "a@b.example", templateId } });
  const known = async (_tenant: string, ids: readonly string[]) => new Set(ids.filter((id) => id !== "nowhere"));

  test("is refused, the others of its batch are accepted", async () => {
    const enqueue = withKnownTemplates("email", async (requests) => requests.map(() => accepted), { known });
    const receipts = await enqueue([
      mail("welcome"),
      mail("nowhere"),
      { tenant: "t", type: "note", payload: { templateId: "nowhere" } },
      mail(undefined),
      mail("Not A Name"),
    ]);
    expect(receipts.map(({ ok }) => ok)).toEqual([true, false, true, true, true]);
    expect(receipts[1]).toMatchObject({
      code: "invalid",
      errors: [{ path: "payload.templateId", message: expect.stringContaining("PUT /v1/templates/nowhere") }],
    });
  });

  test("is accepted while D1 does not answer, and what was found is not asked for again", async () => {
    const down = withKnownTemplates("email", async (requests) => requests.map(() => accepted), { known: () => Promise.reject(new Error("D1_ERROR")) });
    expect((await down([mail("nowhere")])).map(({ ok }) => ok)).toEqual([true]);
    const lookups: string[][] = [];
    const once = withKnownTemplates("email", async (requests) => requests.map(() => accepted), {
      known: (tenant, ids) => (lookups.push([tenant, ...ids]), known(tenant, ids)),
    });
    await once([mail("a"), mail("a"), mail("b")]);
    await once([mail("a"), mail("c")]);
    await once([mail("a", "other")]);
    expect(lookups).toEqual([
      ["t", "a", "b"],
      ["t", "c"],
      ["other", "a"],
    ]);
  });
});
