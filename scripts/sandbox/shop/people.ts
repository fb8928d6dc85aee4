import { column, plan } from "./plan.ts";
import type { Draw } from "./draw.ts";
import { suppliers } from "./products.ts";
import type { ShopSettings } from "./settings.ts";
import type { Plan } from "./table.ts";

/** Stands in each row's secrets, so that one that gets anywhere is found. */
export const secretText = "SECRET-OF-THE-SANDBOX";

const firstNames = ["Ada", "Björn", "Chloé", "Dáša", "Émile", "Farah", "Gülşen", "Hana"];
const lastNames = ["Novák", "O'Neill", "Müller", "Nguyễn", "García", "Smith", "Łuczak", "Iyer"];

export function customersOf({ orders }: ShopSettings): number {
  return Math.max(1, Math.ceil(orders / 3));
}

export function peoplePlans(settings: ShopSettings, draw: Draw): Plan[] {
  const customers = customersOf(settings);
  const added = (id: number) => settings.until - (settings.spanDays + 30) * 86_400_000 + id * 1000;
  const first = (id: number) => firstNames[draw("first", id, firstNames.length)] ?? "";
  const last = (id: number) => lastNames[draw("last", id, lastNames.length)] ?? "";
  const dates = { date_add: column("date", added), date_upd: column("date", added) };
  const isSupplier = (id: number) => id > customers;
  return [
    plan("customers", "customer", customers, {
      id_default_group: column("int", () => 3),
      id_lang: column("int", () => 1),
      passwd: column("text", () => secretText),
      secure_key: column("text", () => secretText),
      reset_password_token: column("text", () => secretText),
      firstname: column("text", (id) => (id === 7 ? "Anonymous" : first(id))),
      lastname: column("text", (id) => (id === 7 ? "Anonymous" : last(id))),
      email: column("text", (id) => (id === 7 ? "anonymous@psgdpr.com" : `customer${id}@example.com`)),
      company: column("text", (id) => (id % 4 === 0 ? `Company ${id}` : "")),
      birthday: column("day", () => null),
      newsletter_date_add: column("date", () => null),
      is_guest: column("flag", (id) => (id % 10 === 0 ? 1 : 0)),
      active: column("flag", () => 1),
      deleted: column("flag", () => 0),
      ...dates,
    }),
    plan("addresses", "address", customers + suppliers, {
      id_customer: column("int", (id) => (isSupplier(id) ? 0 : id)),
      id_manufacturer: column("int", () => 0),
      id_supplier: column("int", (id) => (isSupplier(id) ? id - customers : 0)),
      id_warehouse: column("int", () => 0),
      id_country: column("int", (id) => 1 + (id % 3)),
      id_state: column("int", () => 0),
      alias: column("text", (id) => (isSupplier(id) ? "supplier" : "Home")),
      company: column("text", () => ""),
      lastname: column("text", last),
      firstname: column("text", first),
      vat_number: column("text", () => ""),
      address1: column("text", (id) => `Main Street ${id}`),
      address2: column("text", () => ""),
      postcode: column("text", (id) => String(10_000 + (id % 80_000))),
      city: column("text", () => "Žďár"),
      other: column("text", () => ""),
      phone: column("text", (id) => `+49 30 ${100_000 + id}`),
      phone_mobile: column("text", () => ""),
      dni: column("text", () => ""),
      deleted: column("flag", () => 0),
      ...dates,
    }),
  ];
}
