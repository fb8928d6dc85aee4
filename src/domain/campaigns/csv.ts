import { withCommas } from "../../decimal";
import { maxRowBytes } from "./model";

/** A record of a CSV text with the line at which it begins, or its issue. */
export type CsvRecord = { line: number; cells: string[] } | { line: number; issue: string };

/** Reads CSV (RFC 4180) in one pass, piece by piece. It holds one record, of bounded length. */
interface CsvReader {
  /** Records that end in this piece. */
  push(text: string): CsvRecord[];
  /** The last record, when no line break follows it. */
  end(): CsvRecord[];
}

const separators = [",", ";", "\t"];

type Place = "start" | "plain" | "quoted" | "quote" | "skip";

/** The separator is the first comma, semicolon or tab of the first record. The decoder drops a byte order mark. */
export function createCsvReader(): CsvReader {
  let separator: string | undefined;
  let place: Place = "start";
  let line = 1;
  let begun = 1;
  let cells: string[] = [];
  let cell = "";
  let size = 0;
  let isReturn = false;
  let records: CsvRecord[] = [];

  const endCell = () => {
    cells.push(cell);
    cell = "";
    place = "start";
  };
  const endRecord = () => {
    if (place !== "skip") {
      endCell();
      if (cells.length > 1 || cells[0] !== "") {
        separator ??= ",";
        records.push({ line: begun, cells });
      }
    }
    [cells, cell, size, place] = [[], "", 0, "start"];
  };
  const refuse = (issue: string) => {
    records.push({ line: begun, issue });
    [cells, cell, place] = [[], "", "skip"];
  };
  const isSeparator = (character: string) => {
    if (separator === undefined && separators.includes(character)) separator = character;
    return character === separator;
  };
  const take = (character: string) => {
    if (place === "quoted") {
      if (character === '"') place = "quote";
      else cell += character;
    } else if (place === "quote" && character === '"') {
      cell += character;
      place = "quoted";
    } else if (isSeparator(character)) endCell();
    else if (place === "quote") refuse("there is text behind a closing quote; write a quote inside of a value twice");
    else if (place === "start" && character === '"') place = "quoted";
    else {
      cell += character;
      place = "plain";
    }
  };
  const push = (text: string) => {
    for (const character of text) {
      const isBreak = character === "\n" || character === "\r";
      const isSecond = character === "\n" && isReturn;
      isReturn = character === "\r";
      if (isBreak && place !== "quoted") {
        if (isSecond) continue;
        endRecord();
        begun = ++line;
        continue;
      }
      if (isBreak && !isSecond) line++;
      if (place === "skip") continue;
      size++;
      if (size > maxRowBytes) refuse(`the row is longer than ${withCommas(maxRowBytes)} characters; is a quote not closed?`);
      else take(character);
    }
  };
  const flush = () => {
    const finished = records;
    records = [];
    return finished;
  };
  return {
    push: (text) => (push(text), flush()),
    end: () => {
      if (place === "quoted") refuse("a quote is not closed");
      else if (size > 0) endRecord();
      return flush();
    },
  };
}
