import { type Reply, ok } from "../../queue/effect";
import type { List } from "./connection";
import { idOf } from "./raw-row";
import { orFilters, type Parameters } from "./query";

type Ask = (filters: Parameters) => Promise<Reply<List>>;

/** Detects cut lists by the lengths of a shop's answers: a proxy before it may return fewer rows than were asked for, without an error. */
export class TruncationDetector {
  #longest = 0;
  #cut = Infinity;

  /** Notes the length of an answer that holds rows. */
  saw(rows: number): void {
    this.#longest = Math.max(this.#longest, rows);
  }

  /** Notes that an answer of so many rows should have held all and did not. */
  wasCut(rows: number): void {
    this.#cut = Math.max(rows, this.#cut === Infinity ? 0 : this.#cut);
  }

  /** Whether an answer is as long as one that was cut. */
  mayBeCut(rows: number): boolean {
    return rows >= this.#cut;
  }

  /** The shop has given more at once: this answer was not cut. */
  isUncut(rows: number): boolean {
    return rows < this.#longest;
  }
}

/** All rows that the filters let through, in as many requests as it takes. `isWhole`: nothing is missing that could come. */
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

/** The rows with these ids. An answer by id is cut at its end, so what is missing before its last row is not there. */
export async function rowsById(ask: Ask, lengths: TruncationDetector, ids: readonly (number | string)[]): Promise<Reply<List>> {
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

/** A row that came before is not new. */
export function joined(sum: List, { elements, gaps, warnings, seconds, version }: List, after: number): List {
  const fresh = elements.filter((element) => (idOf(element) ?? Infinity) > after);
  return {
    elements: [...sum.elements, ...fresh],
    gaps: sum.gaps + gaps,
    warnings: [...new Set([...sum.warnings, ...warnings])],
    seconds: sum.seconds + seconds,
    version,
  };
}
