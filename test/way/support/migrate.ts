import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";
import { type Api, expectOk } from "./api.ts";
import { root } from "./config.ts";

/** Brings the database of a stories' Worker up to date, in one request: wrangler's command takes seconds. */
export async function migrate(api: Api): Promise<void> {
  const folder = join(root, "migrations");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  const statements = files.toSorted().flatMap((name) => splitSqlQuery(readFileSync(join(folder, name), "utf8")));
  await expectOk(api.ask("POST", "/__test/migrate", { body: statements }));
}
