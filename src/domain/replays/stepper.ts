/** Work that goes on in bounded steps: a replay, or another action on many jobs. */
export interface Stepper {
  step(): Promise<void>;
  /** Whether another step may follow at once. */
  goesOn(): boolean;
}

/** Takes at most `max` steps, one of each item in rotation. An item that fails is dropped; the first failure is thrown at the end. */
export async function takeSteps(steppers: readonly Stepper[], max: number): Promise<void> {
  const failures: unknown[] = [];
  const waiting = steppers.filter((stepper) => stepper.goesOn());
  for (let taken = 0; taken < max; taken++) {
    const stepper = waiting.shift();
    if (!stepper) break;
    try {
      await stepper.step();
      if (stepper.goesOn()) waiting.push(stepper);
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw failures[0];
}
