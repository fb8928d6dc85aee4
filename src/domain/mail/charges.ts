import { Drop, defaultOperators, toValue } from "liquidjs";
import type { Context, FilterImplOptions, Liquid, Operators } from "liquidjs";
import { chargeAll, chargeSearch, chargeTop, membersOf, meterOf } from "./meter";
import type { MailMeter } from "./meter";

/** Charges a filter, by its value and arguments, before it runs. */
type Charge = (meter: MailMeter, value: unknown, args: readonly unknown[]) => void;

/** The filter visits everything once. */
const all: Charge = (meter, value, args) => {
  for (const each of [value, ...args]) chargeAll(meter, each);
};
const nothing: Charge = (meter) => meter.use(2);
/** The filter moves members without visiting their content. */
const moving: Charge = (meter, value, args) => {
  for (const each of [value, ...args]) chargeTop(meter, each);
};
const cut: Charge = (meter, value, args) => {
  chargeTop(meter, value);
  for (const each of args) chargeAll(meter, each);
};
/** The filter reads a property of each member, compares it, or evaluates an expression for it. */
const eachMember: Charge = (meter, value, args) => {
  const perMember = args.reduce<number>((sum, each) => sum + chargeAll(meter, each), 20);
  meter.use(5 + membersOf(value) * perMember);
  // `empty` and `blank` visit what they are compared with.
  if (args.some((each) => each instanceof Drop)) chargeAll(meter, value);
};
const eachMemberDeeply: Charge = (meter, value, args) => {
  chargeAll(meter, value);
  eachMember(meter, value, args);
};
/** The expression is also parsed, at a cost for each character. */
const expression: Charge = (meter, value, args) => {
  eachMember(meter, value, args);
  for (const each of args) if (typeof each === "string") meter.use(10 * each.length);
};
const search: Charge = (meter, value, args) => {
  const [text = 0, pattern = 0] = [value, ...args].map((each) => chargeAll(meter, each));
  chargeSearch(meter, text, pattern);
};
/** Names of months and days, and time zones, are looked up on each call. */
const date: Charge = (meter, value, args) => {
  all(meter, value, args);
  const [format, zone] = args;
  const names = format === undefined ? 5 : stringOf(format).split("%").length - 1;
  meter.use(200 + names * 4000 + (typeof zone === "string" ? 8000 : 0));
};

/** With an indent each member is on its own line, after up to 10 characters for each level. */
const json: Charge = (meter, value, args) => {
  all(meter, value, args);
  if (args[0] !== undefined) chargeIndent(meter, value, 1);
};

function chargeIndent(meter: MailMeter, value: unknown, level: number): void {
  if (typeof value !== "object" || value === null) return;
  for (const each of Object.values(value)) {
    meter.use(10 * level);
    chargeIndent(meter, each, level + 1);
  }
}

const charges: Record<string, Charge> = {
  ...group(nothing, "size", "first", "last", "default"),
  ...group(moving, "concat", "push", "unshift", "pop", "shift", "reverse", "compact"),
  ...group(cut, "slice", "sort", "sort_natural"),
  ...group(eachMember, "map", "where", "reject", "has", "find", "find_index"),
  ...group(eachMemberDeeply, "sum", "group_by"),
  ...group(expression, "where_exp", "reject_exp", "has_exp", "find_exp", "find_index_exp"),
  ...group((...given) => (eachMemberDeeply(...given), expression(...given)), "group_by_exp"),
  ...group(search, "split", "remove", "remove_first", "remove_last", "replace", "replace_first", "replace_last"),
  ...group(json, "json", "jsonify", "inspect"),
  ...group(date, "date", "date_to_xmlschema", "date_to_rfc822", "date_to_string", "date_to_long_string"),
};

function group(charge: Charge, ...names: string[]): Record<string, Charge> {
  return Object.fromEntries(names.map((name) => [name, charge]));
}

/** Charges every filter of an engine before it runs; a filter without an entry above is charged for its whole value and arguments. */
export function chargeFilters(liquid: Liquid): void {
  for (const [name, filter] of Object.entries(liquid.filters)) liquid.registerFilter(name, charged(filter, charges[name] ?? all));
}

function charged(filter: FilterImplOptions, charge: Charge): FilterImplOptions {
  const { handler, raw } = typeof filter === "function" ? { handler: filter, raw: false } : filter;
  return {
    raw,
    handler(value: unknown, ...args: unknown[]) {
      const meter = meterOf(this.context);
      meter.use(5);
      charge(meter, value, args);
      return handler.call(this, value, ...args) as unknown;
    },
  };
}

/** The standard comparisons with charges. The last argument is the context, whether they take one operand or two. */
export const chargedOperators: Operators = Object.fromEntries(
  Object.entries(defaultOperators).map(([name, compare]) => [
    name,
    (...operands: unknown[]) => {
      chargeOperator(meterOf(operands.at(-1) as Context), name, operands.slice(0, -1));
      return (compare as (...all: unknown[]) => ReturnType<typeof compare>)(...operands);
    },
  ]),
);

function chargeOperator(meter: MailMeter, name: string, [left, right]: readonly unknown[]): void {
  meter.use(10);
  if (["and", "or", "not"].includes(name)) return;
  if (name === "contains") return chargeContains(meter, left, right);
  // Only lists can equal lists, and only texts texts; `empty` and `blank` are decided without visiting members.
  const looks = name === "==" || name === "!=" ? Array.isArray(left) === Array.isArray(right) : true;
  const charge = [left, right].some((each) => each instanceof Drop) ? chargeTop : chargeAll;
  if (looks || charge === chargeTop) for (const each of [left, right]) charge(meter, each);
}

function chargeContains(meter: MailMeter, left: unknown, right: unknown): void {
  const sought = chargeAll(meter, right);
  if (!Array.isArray(left)) chargeSearch(meter, chargeAll(meter, left), sought);
  else if (right instanceof Drop) chargeAll(meter, left);
  else meter.use(membersOf(left) * (5 + sought));
}

/** Replaces filters of LiquidJS whose work grows faster than their input. */
export function replaceFilters(liquid: Liquid): void {
  liquid.registerFilter("remove_last", (value: unknown, pattern: unknown) => withLast(stringOf(value), stringOf(pattern), ""));
  liquid.registerFilter("replace_last", (value: unknown, pattern: unknown, by: unknown) => withLast(stringOf(value), stringOf(pattern), stringOf(by)));
  liquid.registerFilter("sort", function* (list: unknown, property?: unknown) {
    return yield* sorted(this.context, list, property, (key) => key);
  });
  liquid.registerFilter("sort_natural", function* (list: unknown, property?: unknown) {
    return yield* sorted(this.context, list, property, (key) => (key === undefined || key === null ? key : String(key).toLowerCase()));
  });
}

/** Replaces the last occurrence. It searches the reversed text, which takes linear time; `lastIndexOf` does not. */
function withLast(text: string, pattern: string, by: string): string {
  const behind = backwards(text).indexOf(backwards(pattern));
  if (behind === -1) return text;
  const at = text.length - behind - pattern.length;
  return text.slice(0, at) + by + text.slice(at + pattern.length);
}

function backwards(text: string): string {
  return text.split("").toReversed().join("");
}

/** A value as LiquidJS converts it to text: lists joined without a separator, empty for nil. */
function stringOf(value: unknown): string {
  const plain: unknown = toValue(value);
  if (typeof plain === "string") return plain;
  if (plain === undefined || plain === null) return "";
  return Array.isArray(plain) ? plain.map(stringOf).join("") : String(plain);
}

/** Keys are read and made comparable once, not at each comparison. */
function* sorted(context: Context, given: unknown, property: unknown, keyOf: (value: unknown) => unknown): Generator<unknown, unknown[], unknown> {
  const meter = meterOf(context);
  const entries: { item: unknown; key: unknown }[] = [];
  const list: unknown = toValue(given);
  const items: unknown[] = Array.isArray(list) ? list : list === undefined || list === null ? [] : [list];
  const path = property ? stringOf(property).split(".") : undefined;
  let total = 0;
  for (const item of items) {
    const value = path ? yield context._getFromScope(item, path, false) : item;
    total += 10 + chargeAll(meter, value);
    entries.push({ item, key: keyOf(typeof value === "object" && value !== null ? String(value) : value) });
  }
  meter.use(total * Math.ceil(Math.log2(items.length + 1)));
  return entries.toSorted((left, right) => order(left.key, right.key)).map(({ item }) => item);
}

/** Nil is last. */
function order(left: unknown, right: unknown): number {
  const missing = (value: unknown) => value === undefined || value === null;
  if (missing(left) || missing(right)) return Number(missing(left)) - Number(missing(right));
  const [a, b] = [left as number, right as number];
  return a < b ? -1 : a > b ? 1 : 0;
}
