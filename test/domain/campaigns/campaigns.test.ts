import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holdOf } from "../../../src/domain/campaigns/pace";
import { createListReader, type ListRow, NoHeader } from "../../../src/domain/campaigns/read-list";
import { CsvReader } from "../../../src/domain/campaigns/csv";
import { mailboxFrom } from "../../../src/domain/mail/mailbox";
import { comparable } from "../../../src/domain/suppressions/model";
import { opensAt } from "../../../src/domain/campaigns/window";

const read = (format: "csv" | "ndjson", text: string): ListRow[] => {
  const reader = createListReader(format);
  return [...reader.push(text), ...reader.end()];
};
const issues = (format: "csv" | "ndjson", text: string) => read(format, text).flatMap((row) => ("issue" in row ? [[row.line, row.issue]] : []));
const addresses = (format: "csv" | "ndjson", text: string) => read(format, text).flatMap((row) => ("to" in row ? [row.to] : []));

describe("CSV", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", "ä", "🚀", '"', ",", ";", "\n", "\r\n", " "), maxLength: 8 });
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }));
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

  test("reads back what was written, wherever the text is cut", () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom(",", ";", "\t"),
        fc.constantFrom("\n", "\r\n"),
        fc.array(fc.nat(60), { maxLength: 5 }),
        (rows, separator, end, cuts) => {
          const text = rows.map((row) => row.map(quoted).join(separator)).join(end);
          const reader = new CsvReader();
          const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length];
          const pieces = places.slice(1).map((to, index) => text.slice(places[index], to));
          const records = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
          expect(records.map((record) => ("cells" in record ? record.cells : record.issue))).toEqual(rows);
        },
      ),
    );
  });

  test("never throws and never keeps more than a row, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "é"), maxLength: 200 }), (text) => {
        const reader = new CsvReader();
        const records = [...reader.push(text), ...reader.end()];
        const lines = records.map(({ line }) => line);
        expect(lines).toEqual(lines.toSorted((a, b) => a - b));
      }),
    );
  });

  test("takes the address from its column, the others as variables, and quoted cells over several lines", () => {
    const rows = read("csv", '\r\nName;E-Mail\r\nAda;ada@a.example\r\n"Grace\nHopper";"Grace <grace@a.example>"\r\n\r\nZoë;zoe@münchen.example');
    expect(rows).toEqual([
      { line: 3, to: "ada@a.example", variables: { Name: "Ada" } },
      { line: 4, to: "Grace <grace@a.example>", variables: { Name: "Grace\nHopper" } },
      { line: 7, to: "zoe@xn--mnchen-3ya.example", variables: { Name: "Zoë" } },
    ]);
  });

  test("says what is wrong with a row by its line, repeats nothing of it, and goes on", () => {
    const text = [
      "email,name",
      "no address,A",
      "ada@a.example,A",
      "b@a.example",
      'c@a.example,"x"y',
      `d@a.example,${"x".repeat(20_000)}`,
      "e@a.example,E",
      'f@a.example,"open',
    ];
    expect(issues("csv", text.join("\n"))).toEqual([
      [2, "the address must be one as ada@example.com or Ada <ada@example.com>"],
      [4, "the row has 1 columns, the first line names 2"],
      [5, "there is text behind a closing quote; write a quote inside of a value twice"],
      [6, "the row is longer than 16,384 characters; is a quote not closed?"],
      [8, "a quote is not closed"],
    ]);
    expect(addresses("csv", text.join("\n"))).toEqual(["ada@a.example", "e@a.example"]);
  });

  test("every address that is taken can be compared with others, whatever its domain says in punycode", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "b", "0", "-", ".", "xn--", "ü", "İ", "ß", "A", "1"), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(part, part, (name, host) => {
        const mailbox = mailboxFrom(`${name}@${host}.example`);
        expect(mailbox === undefined || comparable(mailbox) !== undefined).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(["", "\n\n", "ada@a.example\nb@a.example", "name,city\nAda,Paris", "email,,x\n1,2,3", "email,a,a\n1,2,3"])(
    "without names of its columns, %j, it is refused as a whole",
    (text) => expect(() => read("csv", text)).toThrow(NoHeader),
  );
});

describe("NDJSON", () => {
  test("gives the address as to, email or address, and variables in an object or beside it", () => {
    const rows = ['{"to":"a@a.example"}', '{"email":"b@a.example","name":"B"}', "", '{"address":"c@a.example","variables":{"n":1},"name":"C"}'];
    expect(read("ndjson", rows.join("\r\n"))).toEqual([
      { line: 1, to: "a@a.example", variables: {} },
      { line: 2, to: "b@a.example", variables: { name: "B" } },
      { line: 4, to: "c@a.example", variables: { name: "C", n: 1 } },
    ]);
  });

  test("says what is wrong with a row by its line", () => {
    const deep = `{"to":"a@a.example","x":${"[".repeat(70)}${"]".repeat(70)}}`;
    const rows = [
      "{",
      "[]",
      '{"name":"A"}',
      '{"to":7}',
      '{"to":"a@a.example","variables":[]}',
      deep,
      `{"to":"${"x".repeat(20_000)}"}`,
      '{"to":"ok@a.example"}',
    ];
    const found = issues("ndjson", rows.join("\n"));
    expect(found.map(([line]) => line)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(found.slice(1, 5).map(([, issue]) => issue)).toEqual([
      "the row must be a JSON object",
      "the row has no field to, email or address",
      "the address must be one as ada@example.com or Ada <ada@example.com>",
      "variables must be an object",
    ]);
    expect(addresses("ndjson", rows.join("\n"))).toEqual(["ok@a.example"]);
  });

  test("cut anywhere it reads the same", () => {
    const text = '{"to":"a@a.example"}\n{"to":"🚀"}\n\n{"to":"b@a.example"}';
    fc.assert(
      fc.property(fc.nat(text.length), (cut) => {
        const reader = createListReader("ndjson");
        expect([...reader.push(text.slice(0, cut)), ...reader.push(text.slice(cut)), ...reader.end()]).toEqual(read("ndjson", text));
      }),
    );
  });
});

describe("a send window", () => {
  const office = { from: "09:00", to: "18:00", days: ["mon", "tue", "wed", "thu", "fri"] as const };
  const at = (text: string) => Date.parse(text);
  test.each([
    ["2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z", "Friday 9:00 in Prague is inside"],
    ["2026-11-20T07:59:00Z", "2026-11-20T08:00:00Z", "a minute before waits a minute"],
    ["2026-11-20T17:00:00Z", "2026-11-23T08:00:00Z", "Friday 18:00 waits for Monday"],
    ["2027-03-26T20:00:00Z", "2027-03-29T07:00:00Z", "over the change to summer time"],
  ])("%s opens %s: %s", (now, opens) => {
    expect(opensAt({ ...office, days: [...office.days] }, "Europe/Prague", at(now))).toBe(at(opens));
  });

  test.each([
    ["2026-11-20T23:30:00Z", "2026-11-20T23:30:00Z"],
    ["2026-11-21T05:59:00Z", "2026-11-21T05:59:00Z"],
    ["2026-11-21T06:00:00Z", "2026-11-27T22:00:00Z"],
  ])("over midnight of one day, %s opens %s", (now, opens) => {
    expect(opensAt({ from: "22:00", to: "06:00", days: ["fri"] }, "UTC", at(now))).toBe(at(opens));
  });

  test("a paused campaign is looked at less often the longer it is paused", () => {
    const paused = { state: "paused", updated: 0, window: null, zone: "UTC" } as const;
    expect(holdOf(paused, 1000)?.until).toBe(16_000);
    expect(holdOf(paused, 3_600_000)?.until).toBe(5_400_000);
    expect(holdOf({ ...paused, state: "running" }, 1000)).toBeUndefined();
  });
});
