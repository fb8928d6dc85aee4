import { Drop, Liquid, filters, toValue, toValueSync } from "liquidjs";
import type { Context, Template as Node } from "liquidjs";
import { createCache } from "./cache";
import { chargeFilters, chargedOperators, replaceFilters } from "./charges";
import { BoundPassed, parseIssue, renderIssue } from "./issue";
import { MeteredContext, chargeAll, meteredEmitter, meterOf } from "./meter";
import type { MailMeter } from "./meter";
import { escapeHtml } from "../../escape";
import { printed } from "./print";
import { parse, registerTags } from "./tags";

/** `html` escapes the values of variables; `plain` (subject, text) does not. */
export type Mode = "html" | "plain";

type Evaluated = { ok: true; text: string } | { ok: false; issue: string };

interface RenderScope {
  variables: Record<string, unknown>;
  /** The value of `now` and `today` in date filters. Milliseconds. */
  at: number;
  /** The meter of the whole mail. */
  meter: MailMeter;
}

/** Bounds of one part of one mail, in characters and tags. */
const limits = { source: 262_144, tags: 4000, output: 1_000_000 };

/**
 * Renders a tenant's Liquid with a sender's variables. Never throws; bounded work; the same output for the same input.
 * Only own properties are visible; there are no partials, no `raw`, no randomness and no clock. A missing variable is an issue:
 * no mail is better than "Dear ,". `issue` names line, column and the variable as the template spells it, never a value.
 */
export function evaluate(source: string, mode: Mode, scope: RenderScope): Evaluated {
  try {
    // Parsing is charged too, although the next mail may find the source in the cache.
    scope.meter.use(source.length);
    const nodes = compiled(source, mode);
    const text = toValueSync(engineOf(mode).renderer.renderTemplates(nodes, contextFor(mode, scope), meteredEmitter(scope.meter))) as string;
    return text.length <= limits.output ? { ok: true, text } : { ok: false, issue: `is longer than ${limits.output} characters` };
  } catch (thrown) {
    return { ok: false, issue: renderIssue(thrown, source) };
  }
}

/** Why a source cannot be rendered; undefined when it is valid Liquid within the bounds. */
export function syntaxIssue(source: string, mode: Mode): string | undefined {
  try {
    compiled(source, mode);
    return undefined;
  } catch (thrown) {
    return parseIssue(thrown);
  }
}

const cache = createCache<Node[]>(16_000_000);

function compiled(source: string, mode: Mode): Node[] {
  const tags = source.split(/\{\{|\{%/).length - 1;
  if (source.length > limits.source) throw new BoundPassed(`has more than ${limits.source} characters`);
  if (tags > limits.tags) throw new BoundPassed(`has more than ${limits.tags} tags`);
  return cache.get(`${mode}:${source}`, source.length * 2 + tags * 2000, () => parse(engineOf(mode), source));
}

function contextFor(mode: Mode, { variables, at, meter }: RenderScope): Context {
  // A copy, because `increment` writes into it.
  const context = new MeteredContext(meter, { ...variables }, engineOf(mode).options, engineOf(mode));
  context.setRegister("at", at / 1000);
  return context;
}

function createEngine(mode: Mode): Liquid {
  const liquid = new Liquid({
    ownPropertyOnly: true,
    strictVariables: true,
    strictFilters: true,
    // `{% if coupon %}` and `default` allow a variable to be missing.
    lenientIf: true,
    operators: chargedOperators,
    timezoneOffset: 0,
    locale: "en-US",
    templates: {},
    outputEscape: mode === "html" ? charged(escapedValue) : charged(printed),
  });
  for (const tag of ["include", "render", "layout", "block"]) delete liquid.tags[tag];
  for (const filter of ["raw", "sample", "sha256", "hmac_sha256"]) delete liquid.filters[filter];
  pinDates(liquid);
  replaceFilters(liquid);
  if (mode === "html") escapeOnce(liquid);
  chargeFilters(liquid);
  registerTags(liquid);
  collectCaptures(liquid, mode);
  return liquid;
}

function pinDates(liquid: Liquid) {
  for (const name of ["date", "date_to_xmlschema", "date_to_rfc822", "date_to_string", "date_to_long_string"]) {
    const original = filters[name];
    if (typeof original !== "function") continue;
    liquid.registerFilter(name, function (value: unknown, ...rest: unknown[]) {
      const isNow = ["now", "today"].includes(toValue(value) as string);
      return original.call(this, isNow ? this.context.getRegister<number>("at") : value, ...rest) as unknown;
    });
  }
}

/** Only `capture`, of the remaining tags, uses a second output. */
function collectCaptures({ renderer }: Liquid, mode: Mode) {
  const render = renderer.renderTemplates.bind(renderer);
  renderer.renderTemplates = function* (nodes, context, emitter) {
    const text = (yield* render(nodes, context, emitter ?? meteredEmitter(meterOf(context)))) as string;
    return emitter === undefined && mode === "html" ? new SafeHtml(text) : text;
  };
}

/** Rendered HTML, for a variable that is printed unescaped. */
export function safeHtml(html: string): unknown {
  return new SafeHtml(html);
}

/** A captured piece of HTML, escaped already. The result of a filter on it is plain text again. */
class SafeHtml extends Drop {
  constructor(readonly html: string) {
    super();
  }

  override valueOf(): string {
    return this.html;
  }
}

function charged(print: (value: unknown) => string) {
  return function (this: { context: Context }, value: unknown) {
    chargeAll(meterOf(this.context), value);
    return print(value);
  };
}

function escapedValue(value: unknown): string {
  return value instanceof SafeHtml ? value.html : escapeHtml(printed(value));
}

/** All output is escaped, so these filters must not escape as well. */
function escapeOnce(liquid: Liquid) {
  for (const name of ["escape", "escape_once", "xml_escape"]) liquid.registerFilter(name, (value: unknown) => value);
  liquid.registerFilter("newline_to_br", { raw: true, handler: (value: unknown) => escapedValue(value).replaceAll(/\r?\n/g, "<br />\n") });
}

const engines: Partial<Record<Mode, Liquid>> = {};

function engineOf(mode: Mode): Liquid {
  return (engines[mode] ??= createEngine(mode));
}
