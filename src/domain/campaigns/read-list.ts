import { withCommas } from "../../decimal";
import { CsvReader, type CsvRecord } from "./csv";
import { maxRowBytes } from "./model";
import { mailboxFrom } from "../mail/mailbox";
import { checkJson, parseJson } from "../../json/json";

export type ListFormat = "csv" | "ndjson";

/** A row of the uploaded list with its line, from 1. */
export type ListRow = { line: number } & ReadRow;

/** Reads rows from pieces of text in one pass. It holds one row. */
interface ListReader {
  push(text: string): ListRow[];
  end(): ListRow[];
}

/** The first line of the list does not name its columns. */
export class NoHeader extends Error {}

const maxColumns = 100;

export function createListReader(format: ListFormat): ListReader {
  return format === "csv" ? csvRows() : jsonRows();
}

function csvRows(): ListReader {
  const reader = new CsvReader();
  let columns: string[] | undefined;
  const read = (records: CsvRecord[]) =>
    records.flatMap((record): ListRow[] => {
      if (columns !== undefined) return [{ line: record.line, ...recipientRow(columns, record) }];
      columns = columnsIn(record);
      return [];
    });
  return {
    push: (text) => read(reader.push(text)),
    end() {
      const rows = read(reader.end());
      if (columns === undefined) throw new NoHeader(noColumns);
      return rows;
    },
  };
}

const noColumns = "The first line must name the columns, one of them to, email or address.";

/** The address column gets the name that JSON rows use; the others keep theirs. */
function columnsIn(record: CsvRecord): string[] {
  const names = "cells" in record ? record.cells.map((each) => each.trim()) : [];
  const addressAt = names.findIndex((name) => (recipientFields as readonly string[]).includes(name.toLowerCase().replace("e-mail", "email")));
  if (addressAt < 0) throw new NoHeader(noColumns);
  if (names.length > maxColumns) throw new NoHeader(`The list has ${names.length} columns; at most ${maxColumns} are taken.`);
  const columns = names.map((name, index) => (index === addressAt ? "to" : name));
  if (columns.includes("")) throw new NoHeader(`Column ${columns.indexOf("") + 1} has no name in the first line.`);
  const twice = columns.findIndex((name, index) => columns.indexOf(name) < index);
  if (twice >= 0) throw new NoHeader(`Column ${twice + 1} has the name of an earlier one.`);
  return columns;
}

function recipientRow(columns: readonly string[], record: CsvRecord): ReadRow {
  if ("issue" in record) return { issue: record.issue };
  const { cells } = record;
  if (cells.length !== columns.length) return { issue: `the row has ${cells.length} columns, the first line names ${columns.length}` };
  return rowFromFields(Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? ""])));
}

function jsonRows(): ListReader {
  let line = 1;
  let row = "";
  const read = (text: string): ListRow[] => (text.trim() === "" ? [] : [{ line, ...rowFromJson(text) }]);
  const tooLong: ReadRow = { issue: `the row is longer than ${withCommas(maxRowBytes)} characters` };
  return {
    push(text) {
      const pieces = text.split("\n");
      return pieces.flatMap((piece, index): ListRow[] => {
        // A row that is too long is kept up to one character more than the limit.
        row = (row + piece).slice(0, maxRowBytes + 1);
        if (index === pieces.length - 1) return [];
        const result = row.length > maxRowBytes ? [{ line, ...tooLong }] : read(row);
        row = "";
        line++;
        return result;
      });
    },
    end: () => (row.length > maxRowBytes ? [{ line, ...tooLong }] : read(row)),
  };
}

/** A valid row, or its issue. An issue repeats no content of the row. */
type ReadRow = { to: string; variables: Record<string, unknown> } | { issue: string };

/** Names of the address field; the first that is present counts. */
const recipientFields = ["to", "email", "address"] as const;

const maxMailbox = 400;
const noAddress = "the address must be one as ada@example.com or Ada <ada@example.com>";

/** A row from its fields. `variables` is an object of variables; every other field is a variable too. */
function rowFromFields(fields: Record<string, unknown>): ReadRow {
  const name = recipientFields.find((each) => Object.hasOwn(fields, each));
  if (name === undefined) return { issue: "the row has no field to, email or address" };
  const { [name]: address, variables, ...others } = fields;
  const to = typeof address === "string" && address.length <= maxMailbox ? mailboxFrom(address.trim()) : undefined;
  if (to === undefined) return { issue: noAddress };
  if (variables === undefined) return { to, variables: others };
  if (typeof variables !== "object" || variables === null || Array.isArray(variables)) return { issue: "variables must be an object" };
  return { to, variables: { ...others, ...variables } };
}

/** A row of `application/x-ndjson`. */
function rowFromJson(text: string): ReadRow {
  const json = parseJson(text);
  if (!json.ok) return { issue: json.message };
  const { value } = json;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { issue: "the row must be a JSON object" };
  const [issue] = checkJson(value);
  return issue ? { issue: `${issue.path}: ${issue.message}` } : rowFromFields(value as Record<string, unknown>);
}
