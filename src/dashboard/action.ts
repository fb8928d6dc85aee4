import { decoded } from "./address";
import type { Scope } from "../tenants/token";

/** The fields of a form. */
export type Fields = Readonly<Record<string, string>>;

/** An action of a page: a call of the public interface, made from a form. */
export interface Action {
  /** The last part of its address: `/t/{tenant}/do/{name}`. */
  name: string;
  method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/v1/jobs/:id/retry`; each parameter is a field of the form. */
  path: string;
  scope: Scope | "root";
  /** Label of the button. */
  label: string;
  /** The message after the call, from the fields and the answer. */
  done: string | ((fields: Fields, answer: unknown) => string);
  /** The body of the call. Default: none. */
  body?: (fields: Fields) => unknown;
  /** The path's parameters are all that the call needs. */
  bodyOptional?: true;
  /** The reason of a refusal when the text that was typed to confirm is wrong; undefined: it is right. */
  confirms?: (fields: Fields, tenant: string) => string | undefined;
  /** The next page, after `/t/{tenant}`. Default: the page that had the form. */
  leadsTo?: (fields: Fields, answer: unknown) => string;
  /** The name of the action that this one only tests; the form continues to that action. */
  triedBefore?: string;
  /** The action stops or removes something. */
  harms?: true;
}

/** The first argument is method and path: `POST /v1/jobs/:id/retry`. */
export function action(line: `${Action["method"]} /v1/${string}`, definition: Omit<Action, "method" | "path">): Action {
  const [method, path = ""] = line.split(" ");
  return { ...definition, method: method as Action["method"], path };
}

/** The path of the call; undefined when a field is missing. */
export function pathOf({ path }: Pick<Action, "path">, fields: Fields): string | undefined {
  let complete = true;
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = fields[name];
    if (!value || value === "." || value === "..") complete = false;
    return encodeURIComponent(value ?? "");
  });
  return complete ? filled : undefined;
}

/** The action's parameters in this path; undefined when the path is of another action. */
export function fieldsOf({ path }: Pick<Action, "path">, given: string): Fields | undefined {
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

/** The text of a field, or undefined when it is blank. */
export function textField(fields: Fields, name: string): string | undefined {
  return fields[name]?.trim() || undefined;
}
