import type { Shelf } from "../../ledger/work/model";

/** Remembered tenants and types; beyond that all are forgotten. */
const maxRemembered = 10_000;

/** Divides what a pull may take among shelves. */
export type FairShares = <S extends Shelf>(shelves: readonly (S & { count: number })[], max: number) => (S & { count: number })[];

/**
 * Serves tenants in rotation, one job each, the least recently served first; likewise types within a tenant. Each isolate remembers the order in which
 * it served them: the shares of each isolate are fair, and so is their sum.
 */
export function createFairShares(): FairShares {
  const last = new Map<string, number>();
  let order = 0;
  const served = (name: string) => {
    if (last.size >= maxRemembered) last.clear();
    last.set(name, ++order);
  };
  const lastOf = (name: string) => last.get(name) ?? 0;
  return (shelves, max) => {
    const tenants = [...Map.groupBy(shelves, ({ tenant }) => tenant)].map(([tenant, own]) => ({
      tenant,
      own: own.toSorted((a, b) => lastOf(`${tenant}/${a.type}`) - lastOf(`${tenant}/${b.type}`)).map((shelf) => ({ shelf, given: 0 })),
    }));
    tenants.sort((a, b) => lastOf(a.tenant) - lastOf(b.tenant));
    let left = max;
    for (let isMore = true; isMore && left > 0;) {
      isMore = false;
      for (const { tenant, own } of tenants) {
        const next = own.filter(({ shelf, given }) => given < shelf.count).toSorted((a, b) => a.given - b.given)[0];
        if (!next || left === 0) continue;
        next.given++;
        left--;
        isMore = true;
        served(tenant);
        served(`${tenant}/${next.shelf.type}`);
      }
    }
    return tenants.flatMap(({ own }) => own.filter(({ given }) => given > 0).map(({ shelf, given }) => ({ ...shelf, count: given })));
  };
}
