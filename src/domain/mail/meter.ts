import { Context, Drop } from "liquidjs";
import type { Emitter } from "liquidjs";
import { BoundPassed } from "./issue";
import { printed } from "./print";

/**
 * The work that one mail may take, all parts together. The clock stands still while a Worker computes, so work is counted: a unit
 * is about one character read or written, and takes at most about 150 ns. 500 table rows cost about 400,000 units.
 */
export const budget = 5_000_000;
/** JSON is at most this deep; only a list that contains itself is deeper. */
const maxDepth = 64;

/** Counts the work of one mail. Throws BoundPassed before work that exceeds the budget. */
export interface MailMeter {
  readonly spent: number;
  use(units: number): void;
  /** LiquidJS also asks a limiter about single large amounts. */
  check(units: number): void;
}

export function createMailMeter(limit: number = budget): MailMeter {
  let spent = 0;
  const refuse = (units: number) => {
    if (units > limit - spent) throw new BoundPassed("takes more work than a mail may");
  };
  return {
    get spent() {
      return spent;
    },
    use(units) {
      refuse(units);
      if (units > 0) spent += units;
    },
    check: refuse,
  };
}

/** Charges everything in a value, deeply, as printing, comparing or copying visits it. Returns the charge. */
export function chargeAll(meter: MailMeter, value: unknown): number {
  const before = meter.spent;
  visit(meter, value, 0);
  return meter.spent - before;
}

function visit(meter: MailMeter, value: unknown, depth: number): void {
  if (depth > maxDepth) throw new BoundPassed(`nests lists deeper than ${maxDepth} levels`);
  if (typeof value === "string") return meter.use(2 + value.length);
  if (typeof value !== "object" || value === null) return meter.use(2);
  if (Array.isArray(value)) {
    meter.use(5 + 5 * value.length);
    for (const each of value) visit(meter, each, depth + 1);
  } else if (value instanceof Drop) {
    meter.use(20);
    const plain: unknown = value.valueOf();
    if (typeof plain === "string") meter.use(plain.length);
  } else {
    meter.use(5);
    for (const [key, each] of Object.entries(value)) {
      meter.use(5 + key.length);
      visit(meter, each, depth + 1);
    }
  }
}

/** Charges a value that is passed on or copied without visiting its members' content. */
export function chargeTop(meter: MailMeter, value: unknown): void {
  if (typeof value === "string" || value instanceof Drop) visit(meter, value, 0);
  else meter.use(5 + 2 * membersOf(value));
}

/** The number of members of a list or an object; 1 for anything else. */
export function membersOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null && !(value instanceof Drop) ? Object.keys(value).length : 1;
}

/** A search takes up to the product of both lengths; short patterns cost less. */
export function chargeSearch(meter: MailMeter, text: number, pattern: number): void {
  meter.use(text * Math.max(1, pattern / 32));
}

/** Charges each look-up of a variable or property. */
export class MeteredContext extends Context {
  private depth = 1;

  constructor(
    private readonly meter: MailMeter,
    env: object,
    options: Context["opts"],
    liquid: unknown,
  ) {
    super(env, options, { sync: true }, { memoryLimit: meter as unknown as Context["memoryLimit"], liquid });
  }

  override spawn(scope: object = {}): Context {
    this.meter.use(15);
    return new MeteredContext(this.meter, scope, this.opts, this.liquid);
  }

  override push(scope: object): number {
    this.depth++;
    return super.push(scope);
  }

  override pop(): ReturnType<Context["pop"]> {
    this.depth--;
    return super.pop();
  }

  override *_get(paths: Parameters<Context["_get"]>[0]): IterableIterator<unknown> {
    this.meter.use(5 + this.depth);
    return yield* super._get(paths);
  }

  override *_getFromScope(...question: Parameters<Context["_getFromScope"]>): IterableIterator<unknown> {
    try {
      return yield* super._getFromScope(...question);
    } catch (thrown) {
      // An error with its stack is costly, and a condition or a default continues after it.
      this.meter.use(100);
      throw thrown;
    }
  }

  override readProperty(scope: object, key: Parameters<Context["readProperty"]>[1]): unknown {
    // A list as a key is converted to text; `size` counts the keys of an object.
    if (typeof key === "object") chargeAll(this.meter, key);
    else this.meter.use(5 + (typeof key === "string" ? key.length / 4 : 0));
    if (key === "size") this.meter.use(Array.isArray(scope) ? 0 : membersOf(scope));
    return super.readProperty(scope, key);
  }
}

/** Collects output and charges every character, and every value before it is printed. */
export function meteredEmitter(meter: MailMeter): Emitter {
  const emitter = {
    buffer: "",
    write(value: unknown) {
      if (typeof value !== "string") chargeAll(meter, value);
      const written = printed(value);
      meter.use(written.length);
      emitter.buffer += written;
    },
  };
  return emitter;
}

export function meterOf(context: Context): MailMeter {
  return context.memoryLimit as unknown as MailMeter;
}
