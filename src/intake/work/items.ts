import type * as v from "valibot";
import type { WorkScope } from "../../domain/work/model";
import { issueSummary } from "../../errors";
import type { JobRef } from "../../queue/ports/job-row";
import { check } from "../../queue/validate";
import type { IntakeDeps } from "../deps";
import { ownRefs } from "./call";

/** Why an item of a bulk call has no result. */
interface ItemRefusal {
  id: string | null;
  ok: false;
  code: string;
  state: null;
  detail?: string;
}

/** Each item of a bulk call, or why it cannot be read. */
export function readItems<Item>(schema: v.GenericSchema<unknown, Item>, items: readonly unknown[]): ({ item: Item } | ItemRefusal)[] {
  return items.map((item) => {
    const checked = check(schema, item);
    return checked.ok ? { item: checked.value as Item } : { id: idIn(item), ok: false, code: "invalid", state: null, detail: issueSummary(checked.issues) };
  });
}

/** The results of a bulk call in the order of its items: those of `act` for the caller's own jobs, `unknown` for others. */
export async function resultsOf<Item extends { id: string; tenant?: string | undefined }, Result>(
  deps: Pick<IntakeDeps, "ids">,
  scope: WorkScope,
  items: readonly ({ item: Item } | ItemRefusal)[],
  act: (own: (Item & JobRef)[]) => Promise<Result[]>,
  view: (id: string, result: Result) => unknown,
): Promise<unknown[]> {
  const read = items.flatMap((each) => ("item" in each ? [each.item] : []));
  const refs = await ownRefs(deps, scope, read);
  const own = read.flatMap((item, index) => (refs[index] ? [{ ...item, ...refs[index] }] : []));
  const results = (own.length > 0 ? await act(own) : []).values();
  const byItem = new Map(read.map((item, index) => [item, refs[index] ? view(item.id, results.next().value as Result) : unknownItem(item.id)]));
  return items.map((each) => ("item" in each ? byItem.get(each.item) : each));
}

function idIn(item: unknown): string | null {
  const id = typeof item === "object" && item !== null && "id" in item ? item.id : null;
  return typeof id === "string" && id.length <= 64 ? id : null;
}

function unknownItem(id: string): ItemRefusal {
  return { id, ok: false, code: "unknown", state: null };
}
