import { afterEach, describe, expect, test, vi } from "vitest";
import { html, json, none, open, orders, queryOf, signal } from "./answering";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("what it reads", () => {
  const row = {
    id: 12,
    id_customer: "4711",
    id_currency: "1",
    current_state: "3",
    reference: "ABCDEFGHI",
    valid: "1",
    total_paid: "59.800000",
    total_paid_real: "119.600000",
    invoice_date: "0000-00-00 00:00:00",
    date_add: "2026-06-01 14:00:00",
    date_upd: "2026-10-25 02:30:00",
    secure_key: "secret",
    ref_id: "of a module",
    associations: {
      order_rows: [{ id: "1", product_id: "7", product_attribute_id: "0", product_quantity: "2", product_name: "Mug", unit_price_tax_excl: "24.916667" }],
    },
  };
  const first = async (given: unknown) => {
    const reply = await orders(json({ orders: [given] }), none);
    return reply.ok ? reply.value : reply;
  };

  test("an order with its lines", async () => {
    const page = await first(row);
    expect(page).toMatchObject({
      lastId: 12,
      more: false,
      unreadable: [],
      rows: [
        {
          id: 12,
          customerId: 4711,
          cartId: null,
          stateId: 3,
          valid: true,
          totalPaid: 59_800_000,
          totalPaidReal: 119_600_000,
          invoiceDate: null,
          dateAdd: Date.parse("2026-06-01T12:00:00Z"),
          dateUpd: Date.parse("2026-10-25T00:30:00Z"),
          dateUpdAmbiguous: true,
          lines: [{ id: 1, productId: 7, productAttributeId: null, quantity: 2, name: "Mug", reference: "", unitPriceTaxExcl: 24_916_667 }],
        },
      ],
    });
    expect(JSON.stringify(page)).not.toMatch(/secret|of a module/);
  });

  test("the same with numbers of PHP 8.1, and with all that is empty left out", async () => {
    const { reference: _r, valid: _v, associations: _a, ...rest } = row;
    expect(await first({ ...rest, id_customer: 4711, current_state: 3, total_paid: 59.8 })).toMatchObject({
      rows: [{ customerId: 4711, stateId: 3, totalPaid: 59_800_000, reference: "", valid: false, lines: [] }],
    });
  });

  test("lines as an object with numeric keys, with a hole", async () => {
    const order_rows = { "0": { id: 1, product_quantity: "1" }, "2": { id: 3, product_quantity: 1 }, "3": [] };
    expect(await first({ ...row, associations: { order_rows } })).toMatchObject({ rows: [{ lines: [{ id: 1 }, { id: 3 }] }] });
  });

  test("quantities in parts, amounts of any size, a decimal comma; and a line that is none is reported", async () => {
    const order_rows = [
      { id: "1", product_quantity: "0.300000", unit_price_tax_excl: "5,50" },
      { id: 2, product_quantity: "2,5" },
      { id: 3, product_quantity: "a" },
      "x",
    ];
    expect(await first({ ...row, total_paid: "12500000000.000000", total_paid_real: "1,5", associations: { order_rows } })).toMatchObject({
      rows: [
        {
          totalPaid: "12500000000000000",
          totalPaidReal: 1_500_000,
          lines: [
            { id: 1, quantity: 0.3, unitPriceTaxExcl: 5_500_000 },
            { id: 2, quantity: 2.5 },
            { id: 3, quantity: null },
          ],
        },
      ],
      unreadable: [{ id: 12, reason: "lines.2.quantity is no number, lines.3 is no row", fields: ["lines"] }],
    });
  });

  test("a row is read with what can be read, its flaws named by their fields, without their values", async () => {
    const page = await orders(
      json({
        orders: [
          { ...row, total_paid: "12,50 of Ann", current_state: {} },
          { ...row, id: 13 },
        ],
      }),
      none,
    );
    const reason = "stateId is no id, totalPaid is no amount";
    expect(page).toMatchObject({
      value: {
        rows: [
          { id: 12, stateId: null, totalPaid: null, totalPaidReal: 119_600_000 },
          { id: 13, stateId: 3, totalPaid: 59_800_000 },
        ],
        lastId: 13,
        unreadable: [{ id: 12, reason, fields: ["stateId", "totalPaid"] }],
        missing: [],
      },
    });
    expect(JSON.stringify(page)).not.toContain("Ann");
  });

  test("names in the shop's language, or the first there is", async () => {
    const name = [
      { id: "1", value: "Mug" },
      { id: "2", value: "Hrnek" },
    ];
    const products = [
      { id: 1, name },
      { id: 2, name: name.slice(0, 1) },
      { id: 3, name: "Plain" },
      { id: 4, name: { "0": { id: 2, value: "Numbered" } } },
      { id: 5, name: false },
    ];
    const reply = await open([json({ products }), none]).shop.page("products", { afterId: 0, signal });
    expect(reply.ok && reply.value.rows.map((each) => each.name)).toEqual(["Hrnek", "Mug", "Plain", "Numbered", ""]);
  });

  test.each([
    ["1.7", { orders: [row, [], { ...row, id: 14 }] }, 1],
    ["8.2", { orders: { "0": row, "2": { ...row, id: 14 } } }, 0],
  ])("a page of %s in which a row failed to load is not the last", async (_version, body, warnings) => {
    const reply = await orders(json(body), json({ orders: [{ id: 15 }] }));
    expect(reply).toMatchObject({ value: { lastId: 14, more: true, rows: [{ id: 12 }, { id: 14 }] } });
    expect(reply.ok && reply.value.warnings).toHaveLength(warnings);
    const listed = await orders(json(body), json({ orders: [{ id: 12 }, { id: 13 }, { id: 14 }, { id: 15 }] }));
    expect(listed).toMatchObject({ value: { missing: [13], more: true } });
  });

  test("only an empty list of ids is the end", async () => {
    expect(await orders(none)).toMatchObject({ value: { rows: [], lastId: 0, more: false } });
    expect(await orders(json({ orders: [row] }), none)).toMatchObject({ value: { lastId: 12, more: false } });
    expect(await orders(json({ orders: [row] }), html(200))).toMatchObject({ ok: false });
  });

  test("or that as many came as were expected; one less, and the list of ids is asked", async () => {
    const { shop, seen } = open([json({ orders: [row] }), json({ orders: [row] }), json({ orders: [{ id: 13 }] })]);
    expect(await shop.page("orders", { afterId: 0, expected: { rows: 1, counted: true }, signal })).toMatchObject({ value: { lastId: 12, more: false } });
    expect(seen).toHaveLength(1);
    expect(await shop.page("orders", { afterId: 0, expected: { rows: 2, counted: true }, signal })).toMatchObject({ value: { lastId: 12, more: true } });
    expect(seen).toHaveLength(3);
  });

  test.each([
    ["1.7", json({ orders: [[], []] })],
    ["8.2", none],
  ])("a page of %s in which no row could be loaded is passed over", async (_version, page) => {
    const reply = await orders(page, json({ orders: [{ id: 1 }, { id: 2 }] }), page);
    expect(reply).toMatchObject({ value: { rows: [], lastId: 2, more: true, missing: [1, 2], warnings: [expect.stringContaining("failed to load 2")] } });
  });

  test("a full page with a hole tells which row is missing, and its last row may be the one", async () => {
    const page = (last: unknown) => ({ orders: [...Array.from({ length: 49 }, (_, at) => ({ ...row, id: at + 1 })), last] });
    const ids = json({ orders: Array.from({ length: 60 }, (_, at) => ({ id: at + 1 })) });
    expect(await orders(json(page([])), ids)).toMatchObject({ value: { lastId: 49, missing: [], more: true } });
    const holed = page({ ...row, id: 50 });
    holed.orders[9] = [];
    expect(await orders(json(holed), ids.clone())).toMatchObject({ value: { lastId: 50, missing: [10], more: true } });
  });

  test("rows looked up by id that the shop failed to load differ from those that are not there", async () => {
    const find = async (...answers: Response[]) => {
      const { shop, seen } = open(answers);
      const reply = await shop.find("orders", { field: "id", values: [11, 12, 13] }, signal);
      return [reply.ok && [reply.value.rows.map(({ id }) => id), reply.value.missing], seen.length];
    };
    expect(await find(json({ orders: [row] }), none, json({ orders: [{ id: 13 }] }))).toEqual([[[12], [13]], 3]);
    expect(await find(json({ orders: [row] }), none.clone())).toEqual([[[12], []], 3]);
    expect(await find(json({ orders: [{ ...row, id: 13 }] }))).toEqual([[[13], []], 1]);
    expect(await find(json({ orders: { "1": { ...row, id: 13 } } }), json({ orders: [{ id: 12 }] }))).toEqual([[[13], [12]], 2]);
    expect(await find(none.clone(), none.clone())).toEqual([[[], []], 2]);
  });

  test("rows without an id hold nothing up", async () => {
    const strange = json({ orders: [{ total_paid: "1" }] });
    const reply = await orders(strange, json({ orders: [{ id: 4 }] }), strange);
    expect(reply).toMatchObject({ value: { rows: [], lastId: 4, more: true, unreadable: [], missing: [4] } });
  });

  test("what came in while the end was looked for is not passed over", async () => {
    const reply = await orders(none, json({ orders: [{ id: 12 }] }), json({ orders: [row] }));
    expect(reply).toMatchObject({ value: { rows: [], lastId: 0, more: true, warnings: [] } });
  });

  test("a cache that answers with an earlier page is no progress", async () => {
    const reply = await open([json({ orders: [row] })]).shop.page("orders", { afterId: 12, signal });
    expect(reply).toMatchObject({ failure: { class: "transient", reason: expect.stringContaining("cache") } });
  });

  test("ids, of which none may be lost", async () => {
    const { shop, seen } = open([json({ orders: [{ id: 3 }, { id: "2" }] }), json({ orders: [{ id: 3 }, []] })]);
    expect(await shop.ids("orders", { afterId: 1, signal })).toEqual({ ok: true, value: { ids: [2, 3], lastId: 3, full: false, more: true } });
    expect(queryOf(seen[0]).has("display")).toBe(false);
    expect(await shop.ids("orders", { afterId: 1, signal })).toMatchObject({ ok: false });
  });

  test("XML once JSON could not be read, and from then on", async () => {
    const xml = "<?xml version='1.0'?><prestashop><orders><order><id><![CDATA[12]]></id><total_paid>1.5</total_paid></order></orders></prestashop>";
    const { shop, seen } = open([new Response('{"orders":[{"id":12,}]}'), new Response(xml), new Response("<prestashop><orders></orders></prestashop>")]);
    expect(await shop.page("orders", { afterId: 0, signal })).toMatchObject({
      value: { rows: [{ id: 12, totalPaid: 1_500_000 }], warnings: [expect.stringContaining("XML")] },
    });
    await shop.page("orders", { afterId: 0, signal });
    expect(seen.map((call) => [queryOf(call).get("output_format"), call.headers.get("output-format")])).toEqual([
      ["JSON", "JSON"],
      ["XML", "XML"],
      ["XML", "XML"],
      ["XML", "XML"],
      ["XML", "XML"],
    ]);
  });
});
