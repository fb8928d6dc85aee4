import type { Access } from "../answers";

type Role = Access["roles"][number];

const groupMark = "group:";

/** Roles as a person types them, one a line: `ada@example.com, acme, read operate`, `group:Night shift, acme, read`, `root@example.com, *`. */
export function rolesText(roles: readonly Role[]): string {
  return roles
    .map(({ email, group, tenant, scopes = [] }) => [email ?? groupText(group ?? ""), tenant, scopes.join(" ")].filter(Boolean).join(", "))
    .join("\n");
}

/** Reads the typed roles; scopes are separated by blanks or commas. The interface reports the issues of a role. */
export function rolesFrom(text: string): object[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").map(roleFrom);
}

/** A name with a comma or quotes is quoted as in CSV: quotes in it are doubled. */
function groupText(group: string): string {
  return groupMark + (/[",]|^\s|\s$/.test(group) ? `"${group.replaceAll('"', '""')}"` : group);
}

const quoted = /^group:\s*"((?:[^"]|"")*)"\s*(?:,|$)/;

function roleFrom(line: string): object {
  const [whole = "", group] = quoted.exec(line) ?? [];
  const [who = "", ...rest] = group === undefined ? line.split(",") : ["", ...line.slice(whole.length).split(",")];
  const [tenant = "", ...scopes] = rest.map((part) => part.trim());
  const scopeNames = scopes.flatMap((part) => part.split(/\s/)).filter(Boolean);
  return { ...personOf(who.trim(), group), tenant, ...(scopeNames.length > 0 ? { scopes: scopeNames } : {}) };
}

function personOf(who: string, group: string | undefined): object {
  if (group !== undefined) return { group: group.replaceAll('""', '"') };
  return who.startsWith(groupMark) ? { group: who.slice(groupMark.length).trim() } : { email: who };
}
