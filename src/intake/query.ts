import * as v from "valibot";
import { Problem } from "../errors";
import { boundedText, fieldRule } from "../bounded";
import { validate } from "../queue/validate";

const noParameters = v.strictObject({});

/** Validates the query. Unknown and repeated parameters are refused: with an ignored filter a list would show too much. */
export function readQuery(schema: v.GenericSchema | undefined, search: URLSearchParams): unknown {
  if (!schema && search.size === 0) return {};
  const names = [...search.keys()];
  const seen = new Set<string>();
  const repeated = names.find((name) => seen.size === seen.add(name).size);
  if (repeated !== undefined)
    throw new Problem("invalid", "A query parameter may be given only once.", { errors: [{ path: repeated.slice(0, 64), message: "is given twice" }] });
  return validate(schema ?? noParameters, Object.fromEntries(search), "The query");
}

/** A time as ISO 8601 with its offset, or a date (midnight UTC); becomes milliseconds. */
export const time = v.pipe(
  boundedText(40, { pattern: /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?$/, rule: "must be a time like 2026-10-01T12:00:00Z" }),
  // Before the transformation: what follows it describes the result, not the input.
  v.description("ISO 8601 with an offset, or a date (midnight UTC)"),
  v.transform(Date.parse),
  v.number("must be a time that exists"),
);

/** Rule for a query's pipe: `from` is before `to`. */
export function fromBeforeTo<Input extends { from?: number | undefined; to?: number | undefined }>() {
  return fieldRule<Input, "from" | "to">(["from", "to"], ({ from, to }) => from === undefined || to === undefined || from < to, "must be before to", "from");
}

const jobId = "[0-9a-hjkmnp-tv-z]{34}";
/** The id of a job as a filter. */
export const jobIdText = boundedText(34, { pattern: new RegExp(`^${jobId}$`), rule: "must be the id of a job" });
/** Cursors of jobs and of dead letters. A cursor of a search begins with its stage, one of dead letters with the time of death. */
export const jobCursor = cursorText(new RegExp(`^(?:${jobId}|(?:open|rest|all)\\.(?:${jobId})?|dead\\.(?:\\d{1,15}\\.${jobId})?)$`));
export const deadLetterCursor = cursorText(new RegExp(`^\\d{1,15}\\.${jobId}$`));
/** Cursor of leads; it begins with the time when the lead was first seen. */
export const leadCursor = deadLetterCursor;

/** The cursor of a list that matches `pattern`. */
export function cursorText(pattern: RegExp) {
  const read = boundedText(64, { pattern, rule: "must be a cursor from an earlier answer" });
  return v.optional(v.pipe(read, v.description("From the answer before; null there means the end")));
}

/** Describes a text parameter by the type of its value, a number for example. It precedes the transformation in the pipe. */
function describedParameter<Input>(schema: Readonly<Record<string, unknown>>) {
  return v.metadata<Input, { described: typeof schema }>({ described: schema });
}

/** The parameters of every list. */
export const paging = {
  limit: v.optional(
    v.pipe(
      boundedText(4, { pattern: /^\d{1,4}$/, rule: "must be a whole number from 1 to 200" }),
      describedParameter({ type: "integer", minimum: 1, maximum: 200, default: 50, description: "How many a page has at most" }),
      v.transform(Number),
      v.minValue(1, "must be a whole number from 1 to 200"),
      v.maxValue(200, "must be a whole number from 1 to 200"),
    ),
    "50",
  ),
};

/** The text of a search. */
export const search = boundedText(200, { min: 1, trim: true });

/** A query that may ask to see what is personal, named by `what`. */
export function revealing(what: string) {
  const description = `1 shows ${what} to an admin, and records it`;
  return v.strictObject({ reveal: v.optional(v.pipe(v.picklist(["0", "1"], "must be 0 or 1"), v.description(description))) });
}

export const revealQuery = revealing("personal fields");
