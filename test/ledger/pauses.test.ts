import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { auditEntries, auditIn } from "../../src/ledger/audit";
import { createPauseStore } from "../../src/ledger/pauses";
import { noon } from "../support/rows";

test("who paused, and who acted, is named as the tenant's token is called", async () => {
  await env.DB.prepare(
    "INSERT INTO tokens (tenant, id, name, scopes, created) VALUES ('named', 't1', 'night shift', 'operate', 0), ('other', 't2', 'theirs', 'operate', 0)",
  ).run();
  const pauses = createPauseStore(env.DB);
  await pauses.put("named", "queue", "events", { actor: "t1", reason: "a move" }, noon);
  await pauses.put("named", "type", "email", { actor: "t2" }, noon);
  await pauses.put("*", "type", "image", { actor: "root" }, noon);
  const names = (await pauses.list("named")).map(({ name, actorName }) => [name, actorName]);
  expect(names).toEqual([
    ["events", "night shift"],
    ["email", null],
    ["image", null],
  ]);
  for (const actor of ["t1", "t2"]) await auditIn(env.DB, { tenant: "named", actor, action: "reveal", target: "x", at: noon });
  const { entries } = await auditEntries(env.DB, "named", { limit: 10 });
  expect(entries.map(({ actor, actorName }) => [actor, actorName]).toSorted()).toEqual([
    ["t1", "night shift"],
    ["t2", null],
  ]);
});
