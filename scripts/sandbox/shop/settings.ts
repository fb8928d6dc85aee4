/** One shop as it is asked for; what is not given is the default. */
export interface ShopSettings {
  version: "1.7.8" | "8.2";
  /** 32 characters. */
  key: string;
  timeZone: string;
  /** How many; with two or more, names come as a list. */
  languages: number;
  seed: number;
  orders: number;
  products: number;
  /** The orders are spread over so many days before `until`. */
  spanDays: number;
  /** Milliseconds: when the last order came in. Default: when the shop was made. */
  until: number;
  /** Whole numbers come as numbers, as with PHP 8.1 and later. */
  php81: boolean;
  /** Methods by resource; "all" is GET and HEAD on everything. */
  permissions: "all" | Record<string, string[]>;
  /** False: the merchant switched the webservice off. */
  enabled: boolean;
  /** True: the server drops the Authorization header. */
  dropsAuthorization: boolean;
  /** Seconds that the shop states as its time for a row. */
  secondsPerRow: number;
  /** What a module echoes before each body. */
  echo: string;
  /** What is printed behind each body, at PHP's shutdown. */
  trail: string;
  /** Decimals with a comma, as PHP writes them under some locales. */
  decimalComma: boolean;
  /** Ids that fail to load, by resource. */
  broken: Record<string, number[]>;
  /** Values written in the place of a field's own, by resource and `3.total_paid` or `3.order_rows.0.product_quantity`. */
  raw: Record<string, Record<string, string | number | null>>;
  /** `xml`: whatever is asked for. `broken-json`: JSON that cannot be parsed. */
  format: "as-asked" | "xml" | "broken-json";
}

/** The shop that is there without being asked for. */
export const demoKey = "SANDBOXSHOPKEYFORTHETENANTDEMO01";

export function defaults(now: number): ShopSettings {
  return {
    version: "8.2",
    key: demoKey,
    timeZone: "Europe/Berlin",
    languages: 1,
    seed: 1,
    orders: 120,
    products: 40,
    spanDays: 60,
    until: Math.floor(now / 1000) * 1000,
    php81: false,
    permissions: "all",
    enabled: true,
    dropsAuthorization: false,
    secondsPerRow: 0.004,
    echo: "",
    trail: "",
    decimalComma: false,
    broken: {},
    raw: {},
    format: "as-asked",
  };
}

type Check = (value: unknown) => boolean;
const flag: Check = (value) => typeof value === "boolean";
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const number =
  (least: number, most: number, whole = true): Check =>
  (value) =>
    typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value));
const lists =
  (fits: Check): Check =>
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every((each) => Array.isArray(each) && each.every(fits));

const records =
  (fits: Check): Check =>
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(fits);
const scalar: Check = (value) => value === null || typeof value === "string" || typeof value === "number";

const fields: Record<keyof ShopSettings, { fits: Check; rule: string }> = {
  version: { fits: oneOf("1.7.8", "8.2"), rule: '"1.7.8" or "8.2"' },
  key: { fits: (value) => typeof value === "string" && value.length === 32, rule: "32 characters" },
  timeZone: { fits: (value) => typeof value === "string" && value.length <= 64, rule: "a time zone's name" },
  languages: { fits: number(1, 9), rule: "1 to 9" },
  seed: { fits: number(0, 2 ** 32 - 1), rule: "a whole number below 2 ** 32" },
  orders: { fits: number(0, 10_000_000), rule: "0 to 10,000,000" },
  products: { fits: number(0, 10_000_000), rule: "0 to 10,000,000" },
  spanDays: { fits: number(0, 10_000, false), rule: "0 to 10,000" },
  until: { fits: number(0, 8e12), rule: "milliseconds" },
  php81: { fits: flag, rule: "true or false" },
  permissions: { fits: (value) => value === "all" || lists((each) => typeof each === "string")(value), rule: '"all" or methods by resource' },
  enabled: { fits: flag, rule: "true or false" },
  dropsAuthorization: { fits: flag, rule: "true or false" },
  secondsPerRow: { fits: number(0, 1000, false), rule: "seconds" },
  echo: { fits: (value) => typeof value === "string" && value.length <= 10_000, rule: "a text" },
  trail: { fits: (value) => typeof value === "string" && value.length <= 10_000, rule: "a text" },
  decimalComma: { fits: flag, rule: "true or false" },
  raw: { fits: records(records(scalar)), rule: "values by field by resource" },
  broken: { fits: lists(number(1, Number.MAX_SAFE_INTEGER)), rule: "ids by resource" },
  format: { fits: oneOf("as-asked", "xml", "broken-json"), rule: '"as-asked", "xml" or "broken-json"' },
};

/** What is wrong with these settings; nothing is fine. */
export function flawsOf(input: Record<string, unknown>): string[] {
  return Object.entries(input).flatMap(([name, value]) => {
    const field = Object.hasOwn(fields, name) ? fields[name as keyof ShopSettings] : undefined;
    if (!field) return [`There is no field "${name.slice(0, 100)}"; there are ${Object.keys(fields).join(", ")}.`];
    return field.fits(value) ? [] : [`"${name}" must be ${field.rule}.`];
  });
}
