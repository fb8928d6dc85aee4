import { isRecord } from "./json/record";
import { withCommas } from "./decimal";
import * as v from "valibot";

/*
 * Schemas of what others send: they check the size before the content. Valibot runs every action of a pipe although an earlier
 * one has failed, so `v.pipe(v.string(), v.maxLength(254), v.regex(…))` runs its pattern over a megabyte. `v.array`
 * checks each of a million items before its length. A value that is too large has one issue here, costs no more than counting it, and stops its pipe: what a caller adds
 * (`v.check`, `v.transform`) is not run. `test/architecture.test.ts` refuses the bare forms elsewhere.
 */

interface SizeRule {
  /** Least size; 0 by default. */
  min?: number;
  /** The message of every refusal, in place of one for each bound. It names what would be right. */
  rule?: string;
}

interface TextRule extends SizeRule {
  /** Must be linear. Needs `rule`. Runs only over texts within the bounds. */
  pattern?: RegExp;
  /** Blanks around it are removed; bounds and pattern are about what is left. */
  trim?: boolean;
}

/** A text of at most `max` UTF-16 code units. */
export function boundedText(max: number, { min = 0, trim = false, pattern, rule }: TextRule = {}): v.StringSchema<string> {
  const maxRule = v.maxLength<string, number, string>(max, rule ?? `must have at most ${withCommas(max)} characters`);
  const minRule = v.minLength<string, number, string>(min, rule ?? (min === 1 ? "must not be empty" : `must have at least ${min} characters`));
  const form = pattern ? [v.regex<string, string>(pattern, rule ?? "has another form")] : [];
  const actions = [...(trim ? [v.trim()] : []), maxRule, ...(min > 0 ? [minRule] : []), ...form];
  const sizeOf = (value: unknown) => (typeof value === "string" ? (trim ? value.trim() : value).length : undefined);
  return sizeFirst(v.string("must be text"), sizeOf, { min, max, tooSmall: minRule.message, tooLarge: maxRule.message }, actions);
}

/** A name as paths carry them: `[a-z0-9-]{1,63}`. */
export function boundedName(rule = "must be 1 to 63 of the characters a-z, 0-9 and -"): v.StringSchema<string> {
  return boundedText(63, { min: 1, pattern: /^[a-z0-9-]{1,63}$/, rule });
}

/** A list of at most `max` items. */
export function boundedList<const Item extends v.GenericSchema>(item: Item, max: number, { min = 0, rule }: SizeRule = {}): v.ArraySchema<Item, string> {
  const maxRule = v.maxLength<unknown[], number, string>(max, rule ?? `must have at most ${withCommas(max)} entries`);
  const minRule = v.minLength<unknown[], number, string>(min, rule ?? (min === 1 ? "must not be empty" : `must have at least ${min} entries`));
  const bounds = { min, max, tooSmall: minRule.message, tooLarge: maxRule.message };
  return sizeFirst(v.array(item, "must be a list"), listLength, bounds, [maxRule, ...(min > 0 ? [minRule] : [])]);
}

/** An object of at most `max` entries, whose names are data. To valibot a list is a record as well; not here. */
export function boundedRecord<const Key extends v.BaseSchema<string, string, v.BaseIssue<unknown>>, const Value extends v.GenericSchema>(
  key: Key,
  value: Value,
  max: number,
  { min = 0, rule }: SizeRule = {},
): v.RecordSchema<Key, Value, undefined> {
  const maxRule = v.maxEntries<Record<string, unknown>, number, string>(max, rule ?? `must have at most ${withCommas(max)} entries`);
  const minRule = v.minEntries<Record<string, unknown>, number, string>(min, rule ?? (min === 1 ? "must not be empty" : `must have at least ${min} entries`));
  const bounds = { min, max, tooSmall: minRule.message, tooLarge: maxRule.message };
  return sizeFirst(noList(v.record(key, value)), entryCount, bounds, [maxRule, ...(min > 0 ? [minRule] : [])]);
}

/** A field under the name it had before. It is still taken and shown; the documents call it deprecated. */
export function formerName<const Schema extends v.GenericSchema>(name: string, schema: Schema) {
  return v.pipe(schema, v.metadata({ deprecated: true }), v.description(`The former name of \`${name}\``));
}

/** An object whose entries are not looked at, as the variables of a template: up to 10,000 of them, every name kept. */
export function jsonObject() {
  const record = noList(v.record(v.string(), v.unknown()));
  const untouched: typeof record = {
    ...record,
    "~run": (dataset, config) => (isRecord(dataset.value) ? { typed: true, value: dataset.value } : record["~run"](dataset, config)),
  };
  return sizeFirst(untouched, entryCount, { min: 0, max: 10_000, tooSmall: "", tooLarge: "must have at most 10,000 entries" }, []);
}

/** An entry that its handler validates by `schema` when its turn comes, so that a wrong one refuses no other; documents describe it by `schema` too. */
export function checkedLater(schema: v.GenericSchema) {
  return v.pipe(v.unknown(), v.metadata({ checkedBy: schema }));
}

/** A time in an answer. */
export const isoTime = v.pipe(boundedText(40), v.isoTimestamp(), v.description("ISO 8601, UTC"));

/** A number of things in an answer. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A list in an answer or a result: describes what we write. Never for what others send. */
export function outputList<const Item extends v.GenericSchema>(item: Item): v.ArraySchema<Item, undefined> {
  return v.array(item);
}

/** As `outputList`, of an object whose names are data. */
export function outputRecord<const Value extends v.GenericSchema>(value: Value): v.RecordSchema<v.StringSchema<undefined>, Value, undefined> {
  return v.record(v.string(), value);
}

/**
 * A rule about several fields of one object, for its pipe: checked when each of them is right by itself, however wrong the others are.
 * Its issue stands at `at`, or at the object itself; a later rule about that field is then silent. Linear in the issues so far, unlike `v.partialCheck` in `v.forward`.
 */
export function fieldRule<Input extends object, const Field extends keyof Input & string>(
  fields: readonly Field[],
  holds: (value: Pick<Input, Field>) => boolean,
  message: string,
  at?: Field,
): v.RawCheckAction<Input> {
  const named: ReadonlySet<unknown> = new Set(fields);
  const pathIn = (input: Input): [v.ObjectPathItem] | undefined =>
    at === undefined ? undefined : [{ type: "object", origin: "value", input: input as Record<string, unknown>, key: at, value: input[at] }];
  return v.rawCheck<Input>(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (typeof value !== "object" || value === null) return;
    const isDecided = dataset.issues?.some(({ path }) => path === undefined || named.has(path[0].key)) ?? false;
    if (isDecided || holds(value as Input)) return;
    addIssue({ message, path: pathIn(value as Input) });
  });
}

interface Bounds {
  min: number;
  max: number;
  tooSmall: string;
  tooLarge: string;
}

/** `actions` describe the bounds to those who read the schema (OpenAPI), and run when the size is right. */
function sizeFirst<Schema extends v.GenericSchema>(
  schema: Schema,
  sizeOf: (value: unknown) => number | undefined,
  { min, max, tooSmall, tooLarge }: Bounds,
  actions: readonly v.GenericPipeAction[],
): Schema {
  const refuseSmall = v.check<unknown, string>(() => false, tooSmall);
  const refuseLarge = v.check<unknown, string>(() => false, tooLarge);
  const guarded: v.GenericSchema = {
    ...schema,
    "~run"(dataset, config) {
      const size = sizeOf(dataset.value);
      if (size === undefined || (size >= min && size <= max)) return schema["~run"](dataset, config);
      return failedCheck(size > max ? refuseLarge : refuseSmall, dataset.value, config);
    },
  };
  return v.pipe(guarded, ...actions) as unknown as Schema;
}

function noList<Schema extends v.GenericSchema>(schema: Schema): Schema {
  const refuse = v.check<unknown, string>(() => false, "must be an object");
  const guarded: v.GenericSchema = {
    ...schema,
    "~run": (dataset, config) => (Array.isArray(dataset.value) ? failedCheck(refuse, dataset.value, config) : schema["~run"](dataset, config)),
  };
  return guarded as unknown as Schema;
}

/** The issue of a check, as the final result: no later action of the pipe runs. */
function failedCheck(check: v.CheckAction<unknown, string>, given: unknown, config: v.Config<v.BaseIssue<unknown>>): v.FailureDataset<v.BaseIssue<unknown>> {
  const { value, issues } = check["~run"]({ typed: true, value: given }, config);
  return { typed: false, value, issues } as v.FailureDataset<v.BaseIssue<unknown>>;
}

function listLength(value: unknown): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

function entryCount(value: unknown): number | undefined {
  return isRecord(value) ? Object.keys(value).length : undefined;
}
