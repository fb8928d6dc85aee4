import type { Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import { link, rowId, text } from "./fields";
import { isHole } from "./raw-row";
import { row } from "./row-reader";
import type { ShopSettings } from "./shop";
import { isTimezone } from "../../time/zone";

/** The configuration that is read, by one request. */
const names = ["PS_TIMEZONE", "PS_LANG_DEFAULT", "PS_CURRENCY_DEFAULT"];
export const settingsFilter = `[${names.join("|")}]`;

const raw = { timezone: "UTC", languageId: null };
const configuration = row({
  id: ["id", rowId],
  name: ["name", text(raw)],
  value: ["value", text(raw)],
});

/** A multistore has a row for each differing shop; the oldest row is that of all shops. */
export function settingsFrom(elements: readonly unknown[]): Reply<ShopSettings> {
  const rows = rowsOf(elements);
  const valueOf = (name: string) => rows.toSorted((a, b) => a.id - b.id).find((each) => each.name === name)?.value ?? "";
  const idNamed = (name: string) => link(valueOf(name), () => undefined);
  const timezone = valueOf("PS_TIMEZONE").trim();
  if (isTimezone(timezone)) return ok({ timezone, languageId: idNamed("PS_LANG_DEFAULT"), currencyId: idNamed("PS_CURRENCY_DEFAULT") });
  const zoneText = /^[\w/+-]{1,64}$/.test(timezone) ? `the time zone "${timezone}", which is unknown` : "no time zone";
  return failed({
    class: "config",
    code: "time-zone",
    reason: `the shop's configuration (PS_TIMEZONE) names ${zoneText}: set it in International > Localization`,
  });
}

/** Rows are oldest first, so with one row of each name the relevant ones are present. */
export function hasAllSettings({ elements }: { elements: readonly unknown[] }): boolean {
  const present = new Set(rowsOf(elements).map(({ name }) => name));
  return names.every((name) => present.has(name));
}

function rowsOf(elements: readonly unknown[]) {
  return elements
    .filter((element) => !isHole(element))
    .map((element) => configuration(element, () => undefined))
    .filter(({ id }) => id > 0);
}
