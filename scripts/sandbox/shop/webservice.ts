import { createHash } from "node:crypto";
import type { Call, Reply } from "../provider.ts";
import { json, xml, xmlErrors, xmlResources, type Shown } from "./render.ts";
import { didYouMean, isRefusal, select, type Display, type Refusal } from "./select.ts";
import type { ShopSettings } from "./settings.ts";
import type { Table } from "./table.ts";

export interface Shop {
  settings: ShopSettings;
  tables: ReadonlyMap<string, Table>;
}

interface Body {
  status: number;
  text: string;
  /** Rows that were loaded for it; a list of ids needs none. */
  rows: number;
  isXml: boolean;
}

interface Answer extends Reply {
  body: string;
  rows: number;
}

/** `/api/…` of a shop as the legacy webservice answers it. `path` is what comes behind `/api`. */
export function webservice(shop: Shop, call: Call, path: string): Answer {
  const key = keyOf(call, shop.settings);
  if (key === undefined) return noKey;
  const isXml = !wantsJson(call) || shop.settings.format === "xml";
  const refusals = withoutAccess(shop, key);
  const body = refusals.length > 0 ? errors(refusals, isXml) : answer(shop, call, path, isXml);
  return replyOf(body, shop.settings, call, refusals.length === 0);
}

/** What the dispatcher answers before any of the webservice runs. */
const realm = { "www-authenticate": 'Basic realm="Welcome to PrestaShop Webservice, please enter the authentication key as the login. No password required."' };
const noKey: Answer = { status: 401, headers: { ...realm, "content-type": "text/html; charset=utf-8" }, body: "401 Unauthorized", rows: 0 };

/** The header wins over the parameter. Undefined when there is none. */
function keyOf({ headers, query }: Call, { dropsAuthorization }: ShopSettings): string | undefined {
  const encoded = dropsAuthorization ? undefined : /^Basic ([A-Za-z0-9+/=]+)$/.exec(headers["authorization"] ?? "")?.[1];
  const user = encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("latin1").split(":")[0];
  return user ?? query.get("ws_key") ?? undefined;
}

function withoutAccess({ settings }: Shop, given: string): Refusal[] {
  const key = given.trim();
  if (!settings.enabled) return [refuse(503, 22, "The PrestaShop webservice is disabled. Please activate it in the PrestaShop Back Office")];
  if (key === "") return [refuse(401, 17, "Authentication key is empty")];
  if (key.length !== 32) return [refuse(401, 18, "Invalid authentication key format")];
  const none = refuse(401, 21, "No permission for this authentication key");
  if (key !== settings.key) return [refuse(401, 20, "Authentification key is not active"), none];
  return settings.permissions !== "all" && Object.keys(settings.permissions).length === 0 ? [none] : [];
}

function answer(shop: Shop, call: Call, path: string, isXml: boolean): Body {
  const { settings, tables } = shop;
  const [, name = "", id] = path.split("/");
  if (name === "") return root(shop, isXml, call.method);
  const table = tables.get(name);
  const refusal = withoutPermission(shop, call.method, name, table) ?? wrongShop(call.query);
  if (refusal || !table) return errors([refusal ?? refuse(500, 2, "no table")], isXml);
  const languages = languagesOf(call.query, settings);
  if (languages.length === 0) return errors([refuse(400, 81, "language is not available")], isXml);
  if (id !== undefined && id !== "") return one({ table, languages, settings, single: !call.query.has("display") }, Number.parseInt(id, 10), call.query, isXml);
  const found = select(table, call.query, settings.timeZone);
  if (isRefusal(found)) return errors([found], isXml);
  return rendered({ table, ...found, single: false, languages, settings }, isXml);
}

/** A JSON list of the resources is fatal in 8 and 9. */
function root({ settings, tables }: Shop, isXml: boolean, method: string): Body {
  const names = settings.permissions === "all" ? [...tables.keys()] : Object.keys(settings.permissions);
  if (method === "HEAD" || isXml) return { status: 200, text: xmlResources(names), rows: 0, isXml: true };
  return settings.version === "8.2" ? { status: 500, text: "", rows: 0, isXml: false } : { status: 200, text: JSON.stringify(names), rows: 0, isXml: false };
}

function withoutPermission({ settings, tables }: Shop, method: string, name: string, table: Table | undefined): Refusal | undefined {
  if (!table) return didYouMean(`Resource of type "${name}" does not exists`, name, [...tables.keys()], 27);
  const allowed = settings.permissions === "all" ? ["GET", "HEAD"] : settings.permissions[name];
  if (!allowed) return refuse(401, 26, `Resource of type "${name}" is not allowed with this authentication key`);
  const known = ["GET", "PUT", "POST", "DELETE", "HEAD", ...(settings.version === "8.2" ? ["PATCH"] : [])];
  if (!known.includes(method)) return refuse(405, 23, `Method ${method} is not valid`);
  return allowed.includes(method) ? undefined : refuse(405, 25, `Method ${method} is not allowed for the resource ${name} with this authentication key`);
}

function wrongShop(query: URLSearchParams): Refusal | undefined {
  const shop = query.get("id_shop");
  return shop === null || shop === "all" || shop === "1" ? undefined : refuse(404, 999, "This shop id does not exist");
}

/** `1`, or `[1|2]`. */
function languagesOf(query: URLSearchParams, settings: ShopSettings): number[] {
  const all = Array.from({ length: settings.languages }, (_, at) => at + 1);
  const wanted = query.get("language")?.match(/\d+/g)?.map(Number);
  return wanted ? all.filter((id) => wanted.includes(id)) : all;
}

function one(shown: Omit<Shown, "ids" | "display">, id: number, query: URLSearchParams, isXml: boolean): Body {
  const { table, settings } = shown;
  if (!table.has(id) || settings.broken[table.plan.name]?.includes(id)) return { status: 404, text: "", rows: 0, isXml };
  const selection = select(table, query, settings.timeZone);
  if (isRefusal(selection)) return errors([selection], isXml);
  const display: Display = selection.display === "ids" ? "full" : selection.display;
  return rendered({ ...shown, ids: [id], display }, isXml);
}

function rendered(shown: Shown, isXml: boolean): Body {
  const text = isXml ? xml(shown) : json(shown);
  const unreadable = !isXml && shown.settings.format === "broken-json" ? `${text.slice(0, -1)},}` : text;
  return { status: 200, text: unreadable, rows: shown.display === "ids" ? 0 : shown.ids.length, isXml };
}

export function errors(refusals: readonly Refusal[], isXml: boolean): Body {
  const list = refusals.map(({ code, message }) => ({ code, message }));
  return { status: refusals[0]?.status ?? 500, text: isXml ? xmlErrors(list) : JSON.stringify({ errors: list }), rows: 0, isXml };
}

function refuse(status: number, code: number, message: string): Refusal {
  return { status, code, message };
}

/** The header wins, and only the exact word counts. */
function wantsJson({ headers, query }: Call): boolean {
  const format = headers["output-format"] ?? headers["io-format"] ?? query.get("output_format") ?? query.get("io_format");
  return format === "JSON";
}

function replyOf({ status, text, rows, isXml }: Body, { version, secondsPerRow, echo, trail }: ShopSettings, call: Call, known: boolean): Answer {
  const digest = createHash("sha1").update(text).digest("hex");
  const headers = {
    "content-type": echo !== "" ? "application/javascript" : isXml ? "text/xml;charset=utf-8" : "application/json",
    "execution-time": (0.003 + rows * secondsPerRow).toFixed(3),
    ...(known ? { "psws-version": version === "8.2" ? "8.2.0" : "1.7.8.3" } : status === 401 ? realm : {}),
    ...(text === "" ? {} : { "content-sha1": digest }),
  };
  if (status === 200 && call.headers["local-content-sha1"] === digest) return { status: 304, headers, body: "", rows };
  return { status, headers, body: call.method === "HEAD" ? "" : `${echo}${text}${trail}`, rows };
}
