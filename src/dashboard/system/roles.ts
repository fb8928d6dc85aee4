import type { Access } from "../answers";

type Role = Access["roles"][number];

const groupMark = "group:";

/** Roles as a person types them, one a line: `ada@example.com, acme, read operate`, `group:Night shift, acme, read`, `root@example.com, *`. */
export function rolesText(roles: readonly Role[]): string {
  return roles
    .map(({ email, group, tenant, scopes = [] }) => [email ?? groupMark + (group ?? ""), tenant, ...(scopes.length > 0 ? [scopes.join(" ")] : [])].join(", "))
    .join("\n");
}

/** Reads what was typed. The interface reports the issues of a role. */
export function rolesFrom(text: string): object[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").map(roleFrom);
}

function roleFrom(line: string): object {
  const [who = "", tenant = "", scopes = ""] = line.split(",").map((part) => part.trim());
  const person = who.startsWith(groupMark) ? { group: who.slice(groupMark.length).trim() } : { email: who };
  const given = scopes.split(/\s/).filter(Boolean);
  return { ...person, tenant, ...(given.length > 0 ? { scopes: given } : {}) };
}
