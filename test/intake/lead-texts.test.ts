import * as fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as v from "valibot";
import { urlencodedPairs } from "../../src/intake/leads/urlencoded";
import { lead } from "../../src/jobs/lead/job";
import { createIntakeBench, type Tokens } from "./bench";

const bench = createIntakeBench();
const path = "/v1/leads/typed/homes";
let own: Tokens;
let apiKey: string;

beforeAll(async () => {
  own = await bench.tenant("typed");
  ({ apiKey } = (await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: { domains: [] } })).body);
});
beforeEach(() => void (bench.seen.requests.length = 0));

const keyed = (body: unknown) => bench.call("POST", path, { body, headers: { "x-api-key": apiKey } });
const taken = () => bench.seen.requests.map(({ payload }) => v.parse(lead.payload, payload));

describe("in another charset", () => {
  const latin = "FIRSTNAME=J%F6rg&EMAIL=j%40a.example";
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const part = (name: string, value: string, more = "") => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n${more}\r\n${value}\r\n`;
  const typed = "application/x-www-form-urlencoded";
  test.each<[string, string, string | Uint8Array]>([
    ["that the Content-Type names", `${typed}; charset=ISO-8859-1`, latin],
    ["in quotes", `${typed};Charset="latin1"`, latin],
    ["that nothing names", typed, latin],
    ["that is wrongly named UTF-8", `${typed}; charset=utf-8`, latin],
    ["unescaped", typed, bytes("FIRSTNAME=J\xf6rg&EMAIL=j@a.example")],
    ["of the field _charset_", typed, "_charset_=macintosh&FIRSTNAME=J%9Arg&EMAIL=j%40a.example"],
    ["of UTF-8", typed, "FIRSTNAME=J%C3%B6rg&EMAIL=j%40a.example"],
    ["of multipart", "multipart/form-data; boundary=b", bytes(`${part("FIRSTNAME", "J\xf6rg")}${part("EMAIL", "j@a.example")}--b--\r\n`)],
    [
      "of multipart by _charset_",
      'multipart/form-data; boundary="b"',
      bytes(`${part("_charset_", "macintosh")}${part("FIRSTNAME", "J\x9arg")}${part("EMAIL", "j@a.example")}--b--`),
    ],
    [
      "of one part",
      "multipart/form-data; boundary=b",
      bytes(`${part("FIRSTNAME", "J\x9arg", "content-type: text/plain; charset=macintosh\r\n")}${part("EMAIL", "j@a.example")}--b--\r\n`),
    ],
    ["of JSON", "application/json; charset=iso-8859-1", bytes('{"FIRSTNAME": "J\xf6rg", "EMAIL": "j@a.example"}')],
    ["of lines", "text/plain; charset=windows-1252", bytes("FIRSTNAME=J\xf6rg\nEMAIL=j@a.example")],
    [
      "of two bytes a letter",
      "text/plain; charset=utf-16le",
      new Uint8Array(Uint16Array.from("FIRSTNAME=Jörg\nEMAIL=j@a.example", (char) => char.charCodeAt(0)).buffer),
    ],
  ])("%s the letters are read", async (_name, type, body) => {
    const answer = await bench.call("POST", path, { body, headers: { "content-type": type, "x-api-key": apiKey } });
    expect(answer.status, answer.text).toBe(200);
    expect(taken()).toMatchObject([{ contact: { name: "Jörg", email: "j@a.example" }, extra: {} }]);
  });

  test("a letter that was cut costs no other", async () => {
    await bench.call("POST", path, {
      body: "FIRSTNAME=J%C3%B6rg&EMAIL=j%40a.example&MESSAGE=sch%C3%B6n%C3",
      headers: { "content-type": typed, "x-api-key": apiKey },
    });
    expect(taken()).toMatchObject([{ contact: { name: "Jörg" }, form: { message: "schön\ufffd" } }]);
  });

  test.each([
    [`${typed}; charset=klingon`, latin],
    [typed, `_charset_=klingon&${latin}`],
  ])("that no decoder supports is a 415: %s", async (type, body) => {
    const answer = await bench.call("POST", path, { body, headers: { "content-type": type, "x-api-key": apiKey } });
    expect(answer.body).toMatchObject({ status: 415, detail: expect.stringContaining("klingon") as unknown });
  });

  test("urlencoded bodies of ASCII and UTF-8 read as the platform reads them", () => {
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "=", "&", "+", "%", "%41", "%C3%B6", "ö", "%zz", "%4"), { maxLength: 40 }), (pieces) => {
        const body = pieces.join("");
        const pairs = urlencodedPairs(new TextEncoder().encode(body), 100);
        expect(pairs === "too-many" ? pairs : pairs.map((pair) => pair.map(decode))).toEqual([...new URLSearchParams(body)]);
      }),
    );
  });
});

test("invisible characters and a dialled extension make no second lead, and cost none", async () => {
  await keyed({ EMAIL: "\u200bada@a.example\u200b" });
  await keyed({ PHONE: "+44-114-272-6444" });
  await keyed({ PHONE: "\u202a+44-114-272-6444,1234" });
  await keyed({ EMAIL: "\u200b", PHONE: "+44-114-272-6444" });
  const phone = { phone: "+441142726444", phoneKey: "+441142726444" };
  expect(taken().map(({ contact }) => contact)).toEqual([{ email: "ada@a.example", emailKey: "ada@a.example" }, phone, phone, phone]);
});

test("the project's own list of disposable domains counts beside the public one", async () => {
  const disposable = { add: ["throwaway.example"], except: ["mailinator.com"] };
  const put = await bench.call("PUT", "/v1/projects/disposed", { token: own.admin, body: { domains: [], disposable } });
  expect(put.body).toMatchObject({ disposable });
  const post = (email: string) => bench.call("POST", "/v1/leads/typed/disposed", { body: { email }, headers: { "x-api-key": put.body.apiKey } });
  for (const domain of ["throwaway.example", "mailinator.com", "yopmail.com"]) await post(`a@${domain}`);
  expect(taken().map(({ reasons }) => reasons.includes("disposable e-mail"))).toEqual([true, false, true]);
});
