import { AssignTag, CaseTag, CycleTag, Drop, EchoTag, ForTag, LiquidTag, Output, Parser, TablerowTag, Tag, TokenKind, Tokenizer, evalToken } from "liquidjs";
import type { Context, Emitter, Liquid, TagToken, Template as Node, Value } from "liquidjs";
import { BoundPassed } from "./issue";
import { chargeAll, chargeTop, membersOf, meterOf } from "./meter";
import { NoPrintableValue } from "./print";

/** Lines of all `liquid` tags of one source; each is a tag. */
const maxLines = 4000;
/** Above this, adding 1 is lost to the precision of numbers, so a range would never end. */
const maxBound = 2 ** 52;

type Rendering = Generator<unknown, void, unknown>;

/** Registers tags that are charged before they run, and that treat missing variables by the rules below. */
export function registerTags(liquid: Liquid): void {
  const tags = {
    assign: StrictAssign,
    case: ChargedCase,
    cycle: ChargedCycle,
    echo: StrictEcho,
    for: ChargedFor,
    liquid: BoundedLiquid,
    tablerow: ChargedTablerow,
  };
  for (const [name, tag] of Object.entries(tags)) liquid.registerTag(name, tag);
  liquid.registerTag("#", LineComment);
  const render = liquid.renderer.renderTemplates.bind(liquid.renderer);
  liquid.renderer.renderTemplates = (nodes, context, emitter) => {
    meterOf(context).use(listCost(nodes));
    return render(nodes, context, emitter);
  };
}

/** Parses a source with strict outputs. */
export function parse(liquid: Liquid, source: string): Node[] {
  lines = 0;
  return new StrictParser(liquid).parse(source);
}

class StrictParser extends Parser {
  constructor(private readonly engine: Liquid) {
    super(engine);
  }

  override parseToken(...[token, rest]: Parameters<Parser["parseToken"]>): ReturnType<Parser["parseToken"]> {
    const node = super.parseToken(token, rest);
    return node instanceof Output ? new StrictOutput(token as OutputToken, this.engine) : node;
  }
}

type OutputToken = ConstructorParameters<typeof Output>[0];

/** A `default` anywhere in the chain allows a missing variable; otherwise the chain may not turn a missing value into an empty text. */
class StrictOutput extends Output {
  override *render(context: Context, emitter: Emitter): IterableIterator<unknown> {
    emitter.write(yield strictValue(this.value, context));
  }
}

class StrictEcho extends EchoTag {
  override *render(context: Context, emitter: Emitter): Rendering {
    const { value } = this as unknown as { value?: Value };
    if (!value) return;
    const result = yield strictValue(value, context);
    const escape = this.liquid.options.outputEscape as ((this: unknown, value: unknown) => unknown) | undefined;
    const raw = value.filters.at(-1)?.raw;
    emitter.write(escape && !raw ? escape.call({ context, token: this.token, liquid: this.liquid }, result) : result);
  }
}

/** A missing value may be assigned, for a later `if`; the result of filters on it is a value. */
class StrictAssign extends AssignTag {
  override *render(context: Context): Rendering {
    const { value, key } = this as unknown as { value: Value; key: string };
    (context.bottom() as Record<string, unknown>)[key] = yield strictValue(value, context, value.filters.length === 0);
  }
}

function* strictValue(value: Value, context: Context, lenient = false): Generator<unknown, unknown, unknown> {
  const excused = lenient || value.filters.some(({ name }) => name === "default");
  const initial = yield value.initial.evaluate(context, excused);
  let result = initial;
  for (const filter of value.filters) result = yield filter.render(result, context);
  if (!excused && (initial === undefined || initial === null) && result === "") throw new NoPrintableValue();
  return result;
}

/** A missing list is empty where the tag has an `else`. */
class ChargedFor extends ForTag {
  override *render(context: Context, emitter: Emitter): Rendering {
    const excused = this.elseTemplates.length > 0;
    const collection = yield evalToken(this.collection, context, excused);
    chargeTop(meterOf(context), collection);
    if (excused && (collection === undefined || collection === null)) yield this.liquid.renderer.renderTemplates(this.elseTemplates, context, emitter);
    else yield* super.render(context, emitter) as Rendering;
  }
}

class ChargedTablerow extends TablerowTag {
  override *render(context: Context, emitter: Emitter): Rendering {
    const collection = yield evalToken(this.collection, context);
    chargeTop(meterOf(context), collection);
    meterOf(context).use(10 * membersOf(collection));
    yield* super.render(context, emitter);
  }
}

/** Compares its value with each `when`, also after a match. */
class ChargedCase extends CaseTag {
  override *render(context: Context, emitter: Emitter): Rendering {
    const meter = meterOf(context);
    const cost = 10 + chargeAll(meter, yield this.value.value(context, true));
    for (const { values } of this.branches) meter.use(cost * values.length);
    yield* super.render(context, emitter);
  }
}

/** Renders the group's name, then the next value of its cycle. */
class ChargedCycle extends CycleTag {
  override *render(context: Context, emitter: Emitter): Generator<unknown, unknown, unknown> {
    const { group } = this as unknown as { group: Parameters<typeof evalToken>[0] };
    chargeAll(meterOf(context), yield evalToken(group, context));
    meterOf(context).use(2 * this.token.size());
    return yield* super.render(context, emitter);
  }
}

let lines = 0;

class BoundedLiquid extends LiquidTag {
  constructor(...[token, rest, liquid, parser]: ConstructorParameters<typeof LiquidTag>) {
    lines += token.args.split("\n").length;
    if (lines > maxLines) throw new BoundPassed(`has more than ${maxLines} tags`);
    super(token, rest, liquid, parser);
  }
}

/** Replaces LiquidJS's inline comment, whose pattern is slow for many empty lines. */
class LineComment extends Tag {
  constructor(token: TagToken, rest: ConstructorParameters<typeof Tag>[1], liquid: Liquid) {
    super(token, rest, liquid);
    const [, ...others] = token.args.split("\n").map((line) => line.trim());
    if (others.some((line) => line !== "" && !line.startsWith("#"))) throw new Error("every line of an inline comment must start with a '#' character");
  }

  override render(): void {
    // Nothing is written.
  }
}

/** Parses ranges as our own expressions: LiquidJS's range never ends beyond 2^53, and cannot be refused before it is built. */
const { readGroupOrRange } = Tokenizer.prototype;
Tokenizer.prototype.readGroupOrRange = function (this: Tokenizer) {
  const token = readGroupOrRange.call(this);
  if (token?.kind !== TokenKind.Range) return token;
  const { lhs, rhs } = token as typeof token & Record<"lhs" | "rhs", Parameters<typeof evalToken>[0]>;
  const evaluate = function* (context: Context): Generator<unknown, number[], unknown> {
    return rangeOf(context, yield evalToken(lhs, context), yield evalToken(rhs, context));
  };
  return Object.assign(token, { kind: TokenKind.FilteredValue, initial: { evaluate, postfix: [] }, filters: [] });
};

function rangeOf(context: Context, ...bounds: unknown[]): number[] {
  const meter = meterOf(context);
  for (const bound of bounds) chargeAll(meter, bound);
  const [from = 0, to = 0] = bounds.map((bound) => Number(bound instanceof Drop ? bound.valueOf() : bound));
  if (Math.abs(from) > maxBound || Math.abs(to) > maxBound) throw new BoundPassed("has a range whose bounds are too large");
  if (!(from <= to)) return [];
  meter.use(2 * (to - from + 1));
  return Array.from({ length: Math.floor(to - from) + 1 }, (_, index) => from + index);
}

const costs = new WeakMap<readonly Node[], number>();

/** The cost of rendering a list of nodes once, without the nodes' own work. */
function listCost(nodes: readonly Node[]): number {
  const cached = costs.get(nodes);
  if (cached !== undefined) return cached;
  const cost = nodes.reduce((sum, node) => sum + nodeCost(node), 10);
  costs.set(nodes, cost);
  return cost;
}

function nodeCost(node: Node): number {
  if (node.token.kind === TokenKind.HTML) return 3;
  return node.token.end - node.token.begin + 10 * [...(node.arguments?.() ?? [])].length;
}
