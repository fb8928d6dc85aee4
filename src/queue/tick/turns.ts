/** Rows of one round, shared by those whose turn it is. */
const maxRoundRows = 1000;

/** Statements and time that a part of the tick may use: all parts share the statements that one invocation may run. */
export interface Budget {
  spend(statements: number): void;
  isSpent(): boolean;
}

/** `now` is the Worker's clock; milliseconds. */
export function createBudget(now: () => number, statements: number, milliseconds: number): Budget {
  const end = now() + milliseconds;
  let left = statements;
  return { spend: (count) => void (left -= count), isSpent: () => left <= 0 || now() >= end };
}

/**
 * Serves keys in rounds until all are done or the budget is spent. In a round one key of each tenant is served, each with the same number of rows: a
 * tenant with many rows delays only itself. `serve` returns the keys that have more.
 * Returns whether any key is left.
 */
export async function inTurns<Key extends { tenant: string }>(
  keys: readonly Key[],
  budget: Budget,
  serve: (keys: readonly Key[], rowsOfEach: number) => Promise<readonly Key[]>,
): Promise<boolean> {
  const waiting = [...Map.groupBy(keys, ({ tenant }) => tenant).values()];
  while (waiting.length > 0 && !budget.isSpent()) {
    const round = waiting.splice(0, maxRoundRows);
    const turn = round.flatMap((own) => own.splice(0, 1));
    const more = new Map((await serve(turn, Math.floor(maxRoundRows / turn.length))).map((key) => [key.tenant, key]));
    for (const [index, own] of round.entries()) {
      const again = more.get(turn[index]?.tenant ?? "");
      if (again) own.push(again);
      if (own.length > 0) waiting.push(own);
    }
  }
  return waiting.length > 0;
}

/** The first of each list, then the second of each, and so on. */
export function interleaved<T>(lists: readonly (readonly T[])[]): T[] {
  const maxLength = lists.reduce((most, list) => Math.max(most, list.length), 0);
  return Array.from({ length: maxLength }, (_, index) => lists.flatMap((list) => list.slice(index, index + 1))).flat();
}

/** The list from a random start, so that ticks that cannot serve all leave out different items. `random`: 0 ≤ x < 1. */
export function rotated<T>(items: readonly T[], random: () => number): T[] {
  const start = Math.floor(random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
