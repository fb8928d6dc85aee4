import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test } from "vitest";
import { mask, personal } from "../../src/queue/personal";

test("masks marked fields", async () => {
  const schema = v.strictObject({ to: v.pipe(v.string(), v.email(), personal()), n: v.number(), variables: v.optional(v.pipe(v.record(v.string(), v.unknown()), personal())) });
  expect(mask(schema, { to: "a@b.c", n: 1, variables: { a: "b", c: [1] } })).toEqual({ to: "•••", n: 1, variables: { a: "•••", c: ["•••"] } });
  expect((await env.DB.prepare("select 1 as one").first())).toEqual({ one: 1 });
});
