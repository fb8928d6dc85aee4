import { type Reply, ok } from "../../queue/effect";
import type { List } from "./connection";
import { idOf } from "./raw-row";
import { orFilters, type Parameters } from "./query";

type Ask = (filters: Parameters) => Promise<Reply<List>>;

/** Detects truncated lists by the lengths of a shop's answers: a proxy may return fewer rows than requested, without an error. */
export class TruncationDetector {
  #longest = 0;
  #cut = Infinity;

  /** Records the length of an answer with rows. */
  saw(rows: number): void {
    this.#longest = Math.max(this.#longest, rows);
  }

  /** Records that an answer of this length was truncated. */
  wasCut(rows: number): void {
    this.#cut = Math.max(rows, this.#cut === Infinity ? 0 : this.#cut);
  }

  /** Whether an answer is as long as a truncated one. */
  mayBeCut(rows: number): boolean {
    return rows >= this.#cut;
  }

  /** Whether the shop has returned more rows at once, so that this answer was not truncated. */
  isUncut(rows: number): boolean {
    return rows < this.#longest;
  }
}

/** All rows that match the filters, in as many requests as needed. `isWhole`: whether the list is complete. */
export async function readAll(ask: Ask, lengths: TruncationDetector, isWhole: (list: List) => boolean = () => false): Promise<Reply<List>> {
  for (let sum: List = nothing, after = 0; ;) {
    const reply = await ask(after > 0 ? { "filter[id]": `>[${after}]` } : {});
    if (!reply.ok) return reply;
    const { length } = reply.value.elements;
    lengths.saw(length);
    const last = lastId(reply.value, after);
    sum = joined(sum, reply.value, after);
    if (last === after || lengths.isUncut(length) || isWhole(sum)) return ok(sum);
    after = last;
  }
}

/** The rows with these ids. An answer by id is truncated at its end, so ids that are missing before its last row do not exist. */
export async function shopRowsById(ask: Ask, lengths: TruncationDetector, ids: readonly (number | string)[]): Promise<Reply<List>> {
  let sum: List = nothing;
  for (let after = 0, left = ids.map(Number).toSorted((a, b) => a - b); left.length > 0;) {
    const [filter = ""] = orFilters(left);
    const requested = left.slice(0, filter.split("|").length);
    const reply = await ask({ "filter[id]": filter });
    if (!reply.ok) return reply;
    lengths.saw(reply.value.elements.length);
    const last = lastId(reply.value, after);
    sum = joined(sum, reply.value, after);
    const until = last === after ? Math.max(...requested) : last;
    after = until;
    left = left.filter((id) => id > until);
  }
  return ok(sum);
}

export const nothing: List = { elements: [], gaps: 0, warnings: [], seconds: 0, version: null };

function lastId({ elements }: List, after: number): number {
  return Math.max(after, ...elements.map((element) => idOf(element) ?? 0));
}

/** Joins two lists without repeated rows. */
export function joined(sum: List, { elements, gaps, warnings, seconds, version }: List, after: number): List {
  const further = elements.filter((element) => (idOf(element) ?? Infinity) > after);
  return {
    elements: [...sum.elements, ...further],
    gaps: sum.gaps + gaps,
    warnings: [...new Set([...sum.warnings, ...warnings])],
    seconds: sum.seconds + seconds,
    version,
  };
}
