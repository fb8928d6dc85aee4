import { decoded } from "./address";
import type { TokenScope } from "../tenants/token";

/** The fields of a form. */
export type ActionFields = Readonly<Record<string, string>>;

/** An action of a page: a call of the public interface, made from a form. */
export interface PageAction {
  /** The last part of its address: `/t/{tenant}/do/{name}`. */
  name: string;
  method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/v1/jobs/:id/retry`; each parameter is a field of the form. */
  path: string;
  scope: TokenScope | "root";
  label: string;
  /** The message after the call, from the fields and the answer. */
  done: string | ((fields: ActionFields, answer: unknown) => string);
  /** The body of the call. Default: none. */
  body?: (fields: ActionFields) => unknown;
  /** The path's parameters are all that the call needs. */
  bodyOptional?: true;
  /** The reason of a refusal when the text that was typed to confirm is wrong; undefined: it is right. */
  confirms?: (fields: ActionFields, tenant: string) => string | undefined;
  /** The next page, after `/t/{tenant}`. Default, and where undefined: the page that had the form. */
  leadsTo?: (fields: ActionFields, answer: unknown) => string | undefined;
  /** The name of the action that this one only tests; the form continues to that action. */
  triedBefore?: string;
  /** The action stops or removes something. */
  harms?: true;
}

/** The first argument is method and path: `POST /v1/jobs/:id/retry`. */
export function action(line: `${PageAction["method"]} /v1/${string}`, definition: Omit<PageAction, "method" | "path">): PageAction {
  const [method, path = ""] = line.split(" ");
  return { ...definition, method: method as PageAction["method"], path };
}

/** The path of the call; undefined when a field is missing. */
export function pathOf({ path }: Pick<PageAction, "path">, fields: ActionFields): string | undefined {
  let complete = true;
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = fields[name];
    if (!value || value === "." || value === "..") complete = false;
    return encodeURIComponent(value ?? "");
  });
  return complete ? filled : undefined;
}

/** The action's parameters in this path; undefined when the path is of another action. */
export function actionFields({ path }: Pick<PageAction, "path">, given: string): ActionFields | undefined {
  const [expected, actual] = [path.split("/"), given.split("/")];
  if (expected.length !== actual.length) return undefined;
  const fields: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const value = actual[index] ?? "";
    if (part.startsWith(":")) fields[part.slice(1)] = decoded(value);
    else if (part !== value) return undefined;
  }
  return fields;
}

/** The number of a field; undefined when it is blank. A text that is no number stays text, which the interface refuses: JSON would make null of NaN. */
export function numberField(fields: ActionFields, name: string): number | string | undefined {
  const text = textField(fields, name);
  return text !== undefined && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The text of a field, or undefined when it is blank. */
export function textField(fields: ActionFields, name: string): string | undefined {
  return fields[name]?.trim() || undefined;
}
