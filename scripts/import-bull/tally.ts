import { blocking, type Reason } from "./request.ts";

const maxExamples = 5;

export interface Left {
  count: number;
  /** Ids. */
  examples: string[];
  details: Set<string>;
}

/** What a command did with one queue. */
export class Tally {
  /** Before the command, where it takes from. */
  readonly total: number;
  accepted = 0;
  refused = 0;
  /** Of those that were taken: jobs of dead workers. */
  abandoned = 0;
  /** Jobs that were left where they are, by reason; those of the last walk. */
  readonly left = new Map<Reason, Left>();
  /** What needs a person. */
  readonly errors = new Set<string>();

  constructor(total: number) {
    this.total = total;
  }

  leave(reason: Reason, id: string, detail: string | undefined): void {
    const left = this.left.get(reason) ?? { count: 0, examples: [], details: new Set<string>() };
    left.count++;
    if (left.examples.length < maxExamples) left.examples.push(id);
    if (detail !== undefined && left.details.size < maxExamples) left.details.add(detail);
    this.left.set(reason, left);
  }

  /** Whether jobs were left that could be taken once a person acts. */
  needsPerson(): boolean {
    return blocking.some((reason) => this.left.has(reason));
  }

  forgetLeft(): void {
    this.left.clear();
  }
}
