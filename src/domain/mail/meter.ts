import { CaseTag, Drop, ForTag, TablerowTag, TokenKind, defaultOperators, evalToken } from "liquidjs";
import type { Context, Emitter, FilterImplOptions, Liquid, Operators, Template as Node } from "liquidjs";
import { printed } from "./print";

/**
 * What one part of one mail may cost. The clock stands still while a Worker computes, so work is counted instead: a unit is about
 * a character read or written, a tenth of a list's member, a piece of the template each time it runs. 500 table rows cost about
 * 400,000; the whole budget is spent within three seconds. LiquidJS counts some of it in its memory limit; this adds the rest.
 */
export const budget = 5_000_000;

/** Adds the counting to an engine whose filters are complete. Its `memoryLimit` must be the budget and its operators `meteredOperators`. */
export function meter(liquid: Liquid): void {
  for (const [name, filter] of Object.entries(liquid.filters)) liquid.registerFilter(name, meteredFilter(filter));
  liquid.registerTag("for", MeteredFor);
  liquid.registerTag("tablerow", MeteredTablerow);
  liquid.registerTag("case", MeteredCase);
  const render = liquid.renderer.renderTemplates.bind(liquid.renderer);
  liquid.renderer.renderTemplates = (nodes, context, emitter) => {
    context.memoryLimit.use(listCost(nodes));
    return render(nodes, context, emitter);
  };
}

/** Collects output and charges every character of it. */
export function meteredEmitter(context: Context): Emitter {
  const emitter = {
    buffer: "",
    write(value: unknown) {
      const written = typeof value === "string" ? value : printed(value);
      context.memoryLimit.use(written.length);
      emitter.buffer += written;
    },
  };
  return emitter;
}

/** The usual comparisons; the last argument is the context, whether they take one operand or two. */
export const meteredOperators: Operators = Object.fromEntries(
  Object.entries(defaultOperators).map(([name, compare]) => [
    name,
    (...operands: unknown[]) => {
      const context = operands.at(-1) as Context;
      charge(context, ...operands.slice(0, -1));
      return (compare as (...all: unknown[]) => ReturnType<typeof compare>)(...operands);
    },
  ]),
);

function meteredFilter(filter: FilterImplOptions): FilterImplOptions {
  const { handler, raw } = typeof filter === "function" ? { handler: filter, raw: false } : filter;
  return {
    raw,
    handler(value: unknown, ...rest: unknown[]) {
      charge(this.context, value, ...rest);
      return handler.call(this, value, ...rest) as unknown;
    },
  };
}

class MeteredFor extends ForTag {
  override *render(context: Context, emitter: Emitter): Generator<unknown, void, unknown> {
    charge(context, yield evalToken(this.collection, context));
    yield* super.render(context, emitter) as Generator<unknown, void, unknown>;
  }
}

class MeteredTablerow extends TablerowTag {
  override *render(context: Context, emitter: Emitter): Generator<unknown, void, unknown> {
    charge(context, yield evalToken(this.collection, context));
    yield* super.render(context, emitter);
  }
}

/** Compares its value with each `when`. */
class MeteredCase extends CaseTag {
  override *render(context: Context, emitter: Emitter): Generator<unknown, void, unknown> {
    const value = yield this.value.value(context, true);
    for (const { values } of this.branches) context.memoryLimit.use(valueCost(value) * values.length);
    yield* super.render(context, emitter);
  }
}

function charge(context: Context, ...values: unknown[]) {
  for (const value of values) context.memoryLimit.use(valueCost(value));
}

function valueCost(value: unknown): number {
  if (typeof value === "string") return 1 + value.length;
  if (Array.isArray(value)) return 1 + value.length * 10;
  if (value instanceof Drop) return 1 + String(value.valueOf()).length;
  return typeof value === "object" && value !== null ? 1 + Object.keys(value).length * 10 : 1;
}

const costs = new WeakMap<readonly Node[], number>();

/** What it costs to go through a list of nodes once, besides what they do. */
function listCost(nodes: readonly Node[]): number {
  const known = costs.get(nodes);
  if (known !== undefined) return known;
  const cost = nodes.reduce((sum, node) => sum + nodeCost(node), 5);
  costs.set(nodes, cost);
  return cost;
}

function nodeCost(node: Node): number {
  if (node.token.kind === TokenKind.HTML) return 1;
  return node.token.end - node.token.begin + 10 * [...(node.arguments?.() ?? [])].length;
}
