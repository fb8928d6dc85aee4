/** How many statements were run: none in a database that a Worker before this one has used. */
export async function migrated(db: D1Database, statements: string[]): Promise<number> {
  if (await db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").first()) return 0;
  return (await db.batch(statements.map((sql) => db.prepare(sql)))).length;
}
