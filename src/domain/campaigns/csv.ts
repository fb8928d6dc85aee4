import { withCommas } from "../../decimal";
import { maxRowBytes } from "./model";

/** A record of a CSV text with the line at which it begins, or its issue. */
export type CsvRecord = { line: number; cells: string[] } | { line: number; issue: string };

const separators = [",", ";", "\t"];

type Place = "start" | "plain" | "quoted" | "quote" | "skip";

/**
 * Reads CSV (RFC 4180) in one pass, piece by piece. It holds one record, of bounded length. The separator is the first comma, semicolon or tab of the
 * first record. The decoder drops a byte order mark.
 */
export class CsvReader {
  #separator: string | undefined;
  #place: Place = "start";
  #line = 1;
  /** The line at which the record begins. */
  #begun = 1;
  #cells: string[] = [];
  #cell = "";
  /** Characters of the record so far. */
  #size = 0;
  #isAfterReturn = false;
  #records: CsvRecord[] = [];

  /** Records that end in this piece. */
  push(text: string): CsvRecord[] {
    for (const character of text) {
      const isSecond = character === "\n" && this.#isAfterReturn;
      this.#isAfterReturn = character === "\r";
      if (character === "\n" || character === "\r") this.#takeBreak(character, isSecond);
      else this.#take(character);
    }
    return this.#finished();
  }

  /** The last record, when no line break follows it. */
  end(): CsvRecord[] {
    if (this.#place === "quoted") this.#refuse("a quote is not closed");
    else if (this.#size > 0) this.#endRecord();
    return this.#finished();
  }

  /** A line break within quotes is text. `isSecond`: the line feed after a carriage return. */
  #takeBreak(character: string, isSecond: boolean): void {
    if (this.#place === "quoted") {
      if (!isSecond) this.#line++;
      this.#take(character);
    } else if (!isSecond) {
      this.#endRecord();
      this.#begun = ++this.#line;
    }
  }

  #take(character: string): void {
    if (this.#place === "skip") return;
    this.#size++;
    if (this.#size > maxRowBytes) this.#refuse(`the row is longer than ${withCommas(maxRowBytes)} characters; is a quote not closed?`);
    else this.#read(character);
  }

  #read(character: string): void {
    if (this.#place === "quoted") {
      if (character === '"') this.#place = "quote";
      else this.#cell += character;
    } else if (this.#place === "quote" && character === '"') this.#add(character, "quoted");
    else if (this.#isSeparator(character)) this.#endCell();
    else if (this.#place === "quote") this.#refuse("there is text behind a closing quote; write a quote inside of a value twice");
    else if (this.#place === "start" && character === '"') this.#place = "quoted";
    else this.#add(character, "plain");
  }

  #add(character: string, place: Place): void {
    this.#cell += character;
    this.#place = place;
  }

  #isSeparator(character: string): boolean {
    if (this.#separator === undefined && separators.includes(character)) this.#separator = character;
    return character === this.#separator;
  }

  #endCell(): void {
    this.#cells.push(this.#cell);
    this.#cell = "";
    this.#place = "start";
  }

  #endRecord(): void {
    if (this.#place !== "skip") {
      this.#endCell();
      if (this.#cells.length > 1 || this.#cells[0] !== "") {
        this.#separator ??= ",";
        this.#records.push({ line: this.#begun, cells: this.#cells });
      }
    }
    [this.#cells, this.#cell, this.#size, this.#place] = [[], "", 0, "start"];
  }

  #refuse(issue: string): void {
    this.#records.push({ line: this.#begun, issue });
    [this.#cells, this.#cell, this.#place] = [[], "", "skip"];
  }

  #finished(): CsvRecord[] {
    const finished = this.#records;
    this.#records = [];
    return finished;
  }
}
