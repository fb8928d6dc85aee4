import type { EntryFilter, Journal } from "./journal.ts";
import { readFault, type Faults } from "./faults.ts";
import { takeForm } from "./fault-form.ts";
import { listPage, mailPage, wrongPage } from "./pages.ts";
import type { Reply, World } from "./provider.ts";
import { providers } from "./providers.ts";
import { smtpName } from "./smtp.ts";

/** What the sandbox shows and lets be set: its pages and everything under `/__`. */
export interface Controlled {
  world: World;
  journal: Journal;
  faults: Faults;
  /** Journal, mailbox, effects and faults as after a start; what is being answered goes on. */
  reset(): void;
}

export interface Control {
  method: string;
  path: string;
  query: URLSearchParams;
  body: string;
}

/** Of everything that can be given a fault. */
const names = [...providers.map(({ name }) => name), smtpName];

type Route = [methods: string, path: RegExp, answer: (sandbox: Controlled, request: Control, part: string) => Reply];

const routes: Route[] = [
  ["GET", /^\/$/, (sandbox) => html(listPage(sandbox.world.mailbox.find({ limit: 200 }).toReversed(), sandbox.faults.list(), names), "'self'")],
  ["GET", /^\/__mailbox$/, ({ world }, { query }) => mailsFound(world, query)],
  ["GET", /^\/__mailbox\/([^/]+)$/, ({ world }, _asked, id) => page(world, id)],
  ["GET", /^\/__calls$/, ({ journal }, { query }) => callsFound(journal, query)],
  ["DELETE", /^\/__calls$/, (sandbox) => emptied(sandbox)],
  ["POST", /^\/__reset$/, (sandbox) => emptied(sandbox)],
  ["GET", /^\/__effects$/, ({ world }, { query }) => ok(world.effects.summary({ provider: query.get("provider"), key: query.get("key") }))],
  ["GET", /^\/__faults$/, ({ faults }) => ok({ faults: faults.list() })],
  ["POST", /^\/__faults$/, ({ faults }, { body }) => addFault(faults, body)],
  ["POST", /^\/__faults\/form$/, ({ faults }, { body }) => fromForm(faults, body)],
  ["DELETE", /^\/__faults$/, ({ faults }) => (faults.clear(), nothing)],
  ["DELETE", /^\/__faults\/([^/]+)$/, ({ faults }, _asked, id) => (faults.remove(id) ? nothing : wrong(404, "There is no fault with this id."))],
];

/** Answers a request for a page or a `/__` address. */
export function control(sandbox: Controlled, request: Control): Reply {
  const here = routes.filter(([, path]) => path.test(request.path));
  const route = here.find(([method]) => method === request.method);
  if (route) return route[2](sandbox, request, route[1].exec(request.path)?.[1] ?? "");
  if (here.length === 0) return wrong(404, "There is nothing here.");
  return { ...wrong(405, "This method is not allowed here."), headers: { allow: here.map(([method]) => method).join(", ") } };
}

const nothing: Reply = { status: 204, body: "" };

function emptied(sandbox: Controlled): Reply {
  sandbox.reset();
  return nothing;
}

function mailsFound(world: World, query: URLSearchParams): Reply {
  const since = timeOf(query.get("since"));
  const limit = limitOf(query, 100);
  if (since === undefined) return wrong(422, "since must be milliseconds or a date as in ISO 8601.");
  if (limit === undefined) return wrong(422, "limit must be a whole number from 1 to 10,000.");
  const mails = world.mailbox.find({ to: query.get("to"), since, limit }).map(({ source: _source, ...mail }) => mail);
  return ok({ received: world.mailbox.received, total: world.mailbox.size, mails });
}

function page(world: World, id: string): Reply {
  const mail = world.mailbox.get(id);
  return mail ? html(mailPage(mail)) : wrong(404, "There is no such mail.");
}

function callsFound(journal: Journal, query: URLSearchParams): Reply {
  const limit = limitOf(query, 1000);
  if (limit === undefined) return wrong(422, "limit must be a whole number from 1 to 10,000.");
  const filter: EntryFilter = { provider: query.get("provider"), path: query.get("path"), key: query.get("key"), method: query.get("method"), limit };
  return ok({ total: journal.size, calls: journal.find(filter) });
}

function fromForm(faults: Faults, body: string): Reply {
  const issues = takeForm(faults, new URLSearchParams(body), names);
  return issues.length > 0 ? { ...html(wrongPage(issues)), status: 422 } : { status: 303, headers: { location: "/" }, body: "" };
}

function addFault(faults: Faults, body: string): Reply {
  let input: unknown;
  try {
    input = JSON.parse(body);
  } catch {
    return wrong(400, "The body is not JSON.");
  }
  const read = readFault(input, names);
  return "fault" in read
    ? { status: 201, body: { id: faults.add(read.fault).id } }
    : { status: 422, body: { error: "The fault is wrong.", issues: read.issues } };
}

/** Null when it is not given, undefined when it cannot be read. */
function timeOf(text: string | null): number | null | undefined {
  if (text === null) return null;
  const time = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function limitOf(query: URLSearchParams, usual: number): number | undefined {
  const limit = Number(query.get("limit") ?? usual);
  return Number.isInteger(limit) && limit >= 1 && limit <= 10_000 ? limit : undefined;
}

function ok(body: unknown): Reply {
  return { status: 200, body };
}

function wrong(status: number, error: string): Reply {
  return { status, body: { error } };
}

/** What a mail brings along runs nothing, loads nothing and leads nowhere. `formAction`: where forms of the page may go. */
function html(text: string, formAction = "'none'"): Reply {
  const base = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";
  const policy = `${base}; form-action ${formAction}`;
  return {
    status: 200,
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy, "referrer-policy": "no-referrer" },
    body: text,
  };
}
