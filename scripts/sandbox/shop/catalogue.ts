import { draws } from "./draw.ts";
import { orderPlans } from "./orders.ts";
import { column, listed, plan } from "./plan.ts";
import { peoplePlans } from "./people.ts";
import { productPlans } from "./products.ts";
import type { ShopSettings } from "./settings.ts";
import { Table, type Plan, type Value } from "./table.ts";

/** All resources of a shop, made from its settings. */
export function catalogue(settings: ShopSettings): ReadonlyMap<string, Table> {
  const draw = draws(settings.seed);
  const plans = [...productPlans(settings, draw), ...peoplePlans(settings, draw), ...orderPlans(settings, draw), ...shopPlans(settings)];
  return new Map(plans.map((each) => [each.name, new Table(each)]));
}

function shopPlans(settings: ShopSettings): Plan[] {
  const codes = ["en", "de", "fr", "es", "it", "cs", "pl", "nl", "pt"].slice(0, settings.languages);
  // Read anew each time: a merchant may change the zone.
  const configurations: [name: string, value: () => Value][] = [
    ["PS_LANG_DEFAULT", () => "1"],
    ["PS_CURRENCY_DEFAULT", () => "1"],
    ["PS_SHOP_NAME", () => "Sandbox"],
    ["PS_TIMEZONE", () => settings.timeZone],
  ];
  return [
    plan("configurations", "configuration", configurations.length, {
      name: column("text", (id) => configurations[id - 1]?.[0] ?? ""),
      value: column("text", (id) => configurations[id - 1]?.[1]() ?? null),
    }),
    listed(
      "languages",
      "language",
      { name: "text", iso_code: "text", active: "flag" },
      codes.map((code) => [code, code, 1]),
    ),
    listed("shops", "shop", { name: "text", active: "flag", deleted: "flag" }, [["Sandbox", 1, 0]]),
    listed("countries", "country", { iso_code: "text", name: "words", active: "flag" }, [
      ["DE", "Germany", 1],
      ["VE", "Venezuela", 1],
      ["IN", "India", 1],
    ]),
    listed("currencies", "currency", { name: "text", iso_code: "text", conversion_rate: "decimal", precision: "int", active: "flag", deleted: "flag" }, [
      ["Euro", "EUR", 1_000_000, 2, 1, 0],
      ["US Dollar", "USD", 1_120_000, 2, 1, 0],
    ]),
  ];
}
