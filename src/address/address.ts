import { closedIpv4, closedIpv6, isLoopbackIpv4, isLoopbackIpv6 } from "./ranges";

/** What an outgoing address is measured against. */
export interface AddressRules {
  /** Host names under which this Worker itself answers: `jobs.example.com`, or with a port (`localhost:8787`) to mean that port only. */
  ownHosts: readonly string[];
  /** A developer's machine (LOCAL=yes): loopback may be called, with http and on any port. Nothing else is let in by it. */
  allowLocal: boolean;
}

export type AddressVerdict = { ok: true; url: URL } | { ok: false; reason: string };

/** Ports of an outgoing https call. */
export const allowedPorts: readonly number[] = [443, 2053, 2083, 2087, 2096, 8443];

const maxAddressLength = 2048;
/** Top-level names that no public DNS has: special uses (RFC 6761, 6762, 7686, 8375, 9476), and those that networks and clusters use inside. */
const closedNames = [
  ...["localhost", "local", "localdomain", "internal", "intranet", "private", "lan", "home", "corp", "home.arpa", "workgroup"],
  ...["svc", "cluster", "consul", "docker", "onion", "alt", "test", "invalid"],
];

/**
 * Whether a URL given by a tenant may be called. It is checked when the tenant sets it, before each call and at each redirect. The check reads the
 * parsed URL: the parser turns 0x7f.1, 2130706433 and full-width digits into plain addresses.
 *
 * It judges the name, not its DNS records: a public name may point to a private address. Workers have no private network behind them, so such a
 * call ends nowhere; on another platform the resolved address would have to be judged as well. `reason` names what would be right and repeats no more
 * of the URL than its host.
 */
export function checkAddress(text: string, rules: AddressRules): AddressVerdict {
  if (text.length > maxAddressLength) return refusedAddress(`must have at most ${maxAddressLength} characters`);
  const url = URL.parse(text);
  if (!url) return refusedAddress("must be an absolute https URL");
  const reason = schemeIssue(url, rules) ?? hostIssue(url, rules) ?? portIssue(url, rules);
  return reason === undefined ? { ok: true, url } : refusedAddress(reason);
}

/** The same for where a redirect points, which may be relative to the URL that answered. */
export function checkRedirect(location: string, from: URL, rules: AddressRules): AddressVerdict {
  const url = URL.parse(location, from);
  return url ? checkAddress(url.href, rules) : refusedAddress("must redirect to a URL");
}

/** The same for a server of another protocol than HTTP. `local`: a developer's own machine, which the rules allow. */
export function checkHost(host: string, port: number, rules: AddressRules): { ok: true; local: boolean } | { ok: false; reason: string } {
  const url = /^[^\s/?#@\\]{1,253}$/.test(host) ? URL.parse(`https://${host}:${port}`) : null;
  if (!url || (url.port || "443") !== String(port) || /:\d*$/.test(host.replace(/^\[.*\]/, "")))
    return { ok: false, reason: "must be a host name, without a port" };
  const reason = hostIssue(url, rules);
  return reason === undefined ? { ok: true, local: isLocal(url, rules) } : { ok: false, reason };
}

function schemeIssue(url: URL, rules: AddressRules): string | undefined {
  if (url.username !== "" || url.password !== "") return "must not hold a user name or password: credentials have fields of their own";
  if (url.protocol === "https:") return undefined;
  if (url.protocol === "http:" && isLocal(url, rules)) return undefined;
  return "must begin with https://";
}

function hostIssue(url: URL, rules: AddressRules): string | undefined {
  const host = url.hostname;
  if (isOwn(url, rules)) return `must not point back to this service (${host})`;
  if (isLocal(url, rules)) return undefined;
  const closed = closedHost(host);
  return closed && `must have a public host: ${host} is ${closed}`;
}

function portIssue(url: URL, rules: AddressRules): string | undefined {
  if (url.port === "" || isLocal(url, rules) || allowedPorts.includes(Number(url.port))) return undefined;
  return `must use one of the ports ${allowedPorts.join(", ")}`;
}

function closedHost(host: string): string | undefined {
  if (host.startsWith("[")) return closedIpv6(host.slice(1, -1));
  if (isIpv4(host)) return closedIpv4(host);
  return closedName(host);
}

function closedName(host: string): string | undefined {
  if (host.endsWith(".")) return "written with a dot at its end";
  if (closedNames.some((name) => host === name || host.endsWith(`.${name}`))) return "a name of a local network";
  if (!host.includes(".")) return "a single word, not a full domain name";
  if (host.length > 253 || host.split(".").some((label) => label === "" || label.length > 63)) return "not a valid domain name";
  return undefined;
}

function isLocal(url: URL, rules: AddressRules): boolean {
  const host = url.hostname;
  return rules.allowLocal && (host === "localhost" || (isIpv4(host) && isLoopbackIpv4(host)) || (host.startsWith("[") && isLoopbackIpv6(host.slice(1, -1))));
}

/** A dot at the end names the same host. */
function isOwn(url: URL, rules: AddressRules): boolean {
  const name = url.hostname.replace(/(?<!\.)\.+$/, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return rules.ownHosts.some((own) => own.toLowerCase() === name || own.toLowerCase() === `${name}:${port}`);
}

function isIpv4(host: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function refusedAddress(reason: string): AddressVerdict {
  return { ok: false, reason };
}
