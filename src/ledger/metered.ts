import { batch } from "../d1";

/** Runs statements and counts them: an invocation of a Worker may run 1,000. */
export class Metered {
  spent = 0;

  constructor(
    readonly db: D1Database,
    private readonly budget: number,
  ) {}

  get exhausted(): boolean {
    return this.spent >= this.budget;
  }

  run(statements: D1PreparedStatement[]): Promise<D1Result<Record<string, unknown>>[]> {
    this.spent += statements.length;
    return batch(this.db, statements);
  }
}
