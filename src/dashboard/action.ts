import { decoded } from "./address";
import type { Scope } from "../tenants/token";

/** The fields of a form. */
export type Fields = Readonly<Record<string, string>>;

/** Something one may do on a page: a call of the public interface, made from a form. */
export interface Action {
  /** The name of its address: `/t/{tenant}/do/{name}`. */
  name: string;
  method: "POST" | "PUT" | "DELETE";
  /** `/v1/jobs/:id/retry`; each parameter is a field of the form. */
  path: string;
  scope: Scope | "root";
  /** On the button. */
  label: string;
  /** The message when it is done, from the fields and the answer. */
  done: string | ((fields: Fields, answer: unknown) => string);
  /** The body of the call; without it there is none. */
  body?: (fields: Fields) => unknown;
  /** The call can be made with what its path holds alone. */
  bodyOptional?: true;
  /** Why it is not done yet, when what was typed to confirm it is not what was asked for. */
  confirms?: (fields: Fields, tenant: string) => string | undefined;
  /** Where to look next, behind `/t/{tenant}`; without it the page one was on. */
  leadsTo?: (fields: Fields, answer: unknown) => string;
  /** It only tries what the action of this name does; the form goes on to that one. */
  triedBefore?: string;
  /** It stops or takes away something. */
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

/** The fields that this path has in the place of the action's parameters; undefined when it is another path. */
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
