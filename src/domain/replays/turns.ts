/** Work that goes on in bounded steps: a replay, or another action on many jobs. */
export interface Turn {
  step(): Promise<void>;
  /** Whether another step may follow at once. */
  goesOn(): boolean;
}

/** Takes at most `max` steps, one of each item in rotation. An item that fails is dropped; the first failure is thrown at the end. */
export async function takeSteps(turns: readonly Turn[], max: number): Promise<void> {
  const failures: unknown[] = [];
  const waiting = turns.filter((turn) => turn.goesOn());
  for (let taken = 0; taken < max; taken++) {
    const turn = waiting.shift();
    if (!turn) break;
    try {
      await turn.step();
      if (turn.goesOn()) waiting.push(turn);
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw failures[0];
}
