import * as v from "valibot";
import { audit } from "./audit";
import type { IntakeDeps } from "./deps";
import { found, notFound } from "./problem";
import { type AnyRoute, param, route, type RouteScope } from "./route";
import { listShape } from "./shapes";

/** The store of a kind of settings. */
interface StoredSettings<Stored> {
  list(tenant: string): Promise<readonly Stored[]>;
  get(tenant: string, name: string): Promise<Stored | null | undefined>;
  /** False: there was none. */
  remove(tenant: string, name: string): Promise<boolean>;
}

/** A kind of settings of which a tenant has several, by name. */
interface NamedSettings<Stored> {
  /** `/v1/connections/:name`. */
  path: `/${string}/:${string}`;
  /** Noun in the routes' names: `Connection` makes `listConnections`, `getConnection`, `deleteConnection`. */
  name: string;
  /** The field of the list's answer. */
  field: string;
  /** Noun in sentences: "There is no such connection." */
  noun: string;
  summaries: { list: string; get: string; remove: string };
  /** Summary of the list's route. */
  description?: string;
  /** Scope of the reading routes; the others need `admin`. */
  scope: RouteScope;
  /** Whether a removal is written into the audit. */
  audited?: true;
  shape: v.GenericSchema;
  store(deps: IntakeDeps): StoredSettings<Stored>;
  view(stored: Stored, deps: IntakeDeps): object;
  /** Further fields of the list's answer. */
  beside?: { entries: v.ObjectEntries; read(deps: IntakeDeps, tenant: string, list: readonly Stored[]): Promise<object> };
}

/** The routes that list, show, set (`put`) and remove such settings. */
export function namedRoutes<Stored>(kind: NamedSettings<Stored>, put: AnyRoute): AnyRoute[] {
  const { path, name, field, summaries, scope, shape, view } = kind;
  const [parameter = ""] = path.match(/(?<=:)\w+$/) ?? [];
  return [
    route(`GET ${path.slice(0, path.lastIndexOf("/:")) as `/${string}`}`, {
      name: `list${name}s`,
      summary: summaries.list,
      ...(kind.description === undefined ? {} : { description: kind.description }),
      scope,
      answers: { 200: kind.beside ? v.object({ ...listShape(field, shape).entries, ...kind.beside.entries }) : listShape(field, shape) },
      handle: async ({ deps, tenant }) => {
        const list = await kind.store(deps).list(tenant);
        return { status: 200, body: { [field]: list.map((each) => view(each, deps)), ...(await kind.beside?.read(deps, tenant, list)) } };
      },
    }),
    route(`GET ${path}`, {
      name: `get${name}`,
      summary: summaries.get,
      scope,
      answers: { 200: shape },
      handle: async ({ deps, tenant, params }) => {
        const stored = found(await kind.store(deps).get(tenant, param({ params }, parameter)), kind.noun);
        return { status: 200, body: view(stored, deps) };
      },
    }),
    put,
    route(`DELETE ${path}`, {
      name: `delete${name}`,
      summary: summaries.remove,
      scope: "admin",
      answers: { 204: null },
      handle: async ({ deps, tenant, params, caller }) => {
        const one = param({ params }, parameter);
        const store = kind.store(deps);
        if (kind.audited && (await store.get(tenant, one))) await audit({ deps, tenant, caller }, "remove", `${path.split("/")[2]}/${one}`);
        if (!(await store.remove(tenant, one))) throw notFound(kind.noun);
        return { status: 204 };
      },
    }),
  ];
}
