import type { Account } from "../account.ts";
import { type Finding, finding } from "../finding.ts";
import type { Migrations } from "../migrations.ts";
import type { Wanted } from "../wanted.ts";
import type { Comparison } from "./comparison.ts";

export function databaseFindings({ wanted, account, migrations }: Comparison): Finding[] {
  const { database } = account;
  const { name } = wanted.database;
  if (!database) return [finding("database-missing", name, `There is no D1 database "${name}".`)];
  const where = wanted.jurisdiction ?? null;
  const place = (each: string | null) => each ?? "no jurisdiction";
  const remedy = database.jurisdiction ? `Give --jurisdiction ${database.jurisdiction}, or another --env.` : "Leave --jurisdiction out, or give another --env.";
  const wrong = `The D1 database "${name}" lies in ${place(database.jurisdiction)}, not in ${place(where)}, and cannot be moved. ${remedy}`;
  if (isForeign(account, migrations)) {
    return [
      finding(
        "database-foreign",
        name,
        `The D1 database "${name}" holds something else: none of its tables came from these migrations. Deploy under another --env.`,
      ),
    ];
  }
  const missing = migrations.pending.map((each) => finding("migration-pending", each, `The migration ${each} is not applied to "${name}".`));
  const held = migrations.held.map((each) =>
    finding(
      "migration-pending",
      each,
      `${each} takes something away that the version before may still use. Apply it with --contract once that version is gone.`,
      "note",
    ),
  );
  const ahead = migrations.unknown.map((each) =>
    finding("migration-unknown", each, `"${name}" has the migration ${each}, which is not in this checkout: it is an older one.`, "warning"),
  );
  return [...(database.jurisdiction === where ? [] : [finding("jurisdiction-differs", name, wrong)]), ...missing, ...held, ...ahead];
}

/** Tables without a list of migrations, or a list that has none of ours. */
function isForeign({ applied }: Account, { unknown }: Migrations): boolean {
  return applied === null || (applied.length > 0 && unknown.length === applied.length);
}

export function storageFindings({ namespaces, buckets, jurisdiction }: Wanted, account: Account): Finding[] {
  const titles = namespaces.filter(({ title }) => !account.namespaces.has(title));
  const names = buckets.filter(({ name }) => !account.buckets.has(name));
  return [
    ...titles.map(({ title }) => finding("storage-missing", title, `There is no KV namespace "${title}".`)),
    ...names.map(({ name }) =>
      account.strayBuckets.has(name)
        ? finding(
            "jurisdiction-differs",
            name,
            `The R2 bucket "${name}" lies in no jurisdiction, not in ${jurisdiction}. Leave --jurisdiction out, or give another --env.`,
          )
        : finding("storage-missing", name, `There is no R2 bucket "${name}".`),
    ),
  ];
}
