import { type AddressRules, checkAddress } from "../address/address";
import { type Issue, Problem } from "../errors";
import { webhook } from "../jobs/webhook/job";

/** Names of fields with addresses that will be called, at any depth of a setting: a mail connection's fallback has its own. */
const addressFields = ["url", "baseUrl"];
const maxDepth = 4;
/** Characters of an address. */
const maxAddressLength = 2048;
const message = "must not point back to this service";

/**
 * Throws `invalid` when a setting names this Worker's own host, that of the request: its calls would come back to the Worker.
 * This needs no configuration; OWN_HOSTS lists the Worker's other host names.
 */
export function refuseOwnHost(settings: unknown, requestUrl: string): void {
  const own = URL.parse(requestUrl);
  const errors = addressesIn(settings, "", maxDepth).filter(({ address }) => own !== null && isOwn(address, own));
  if (errors.length > 0) throw new Problem("invalid", "The address is this service's own.", { errors: errors.map(({ path }) => ({ path, message })) });
}

/** What the receiver of a job is measured against: the address of the request, and the rules of outgoing calls. */
export interface TargetRules {
  requestUrl: string;
  rules: AddressRules;
}

/** The issue of a job whose receiver would never be called: this service, or a forbidden address; undefined for any other. */
export function targetIssue(type: string, payload: unknown, { requestUrl, rules }: TargetRules): Issue | undefined {
  if (type !== webhook.type || typeof payload !== "object" || payload === null || !("url" in payload)) return undefined;
  const { url } = payload;
  // The payload's schema refuses what is no URL.
  if (typeof url !== "string" || url.length > maxAddressLength) return undefined;
  const address = URL.parse(url);
  if (!address) return undefined;
  const own = URL.parse(requestUrl);
  if (own && isOwn(address, own)) return { path: "payload.url", message };
  const checked = checkAddress(url, rules);
  return checked.ok ? undefined : { path: "payload.url", message: checked.reason };
}

interface Found {
  path: string;
  address: URL;
}

function addressesIn(value: unknown, path: string, depth: number): Found[] {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth === 0) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const address = addressFields.includes(name) && typeof each === "string" ? URL.parse(each) : null;
    return address ? [{ path: at(path, name), address }] : addressesIn(each, at(path, name), depth - 1);
  });
}

function at(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** On a developer's machine other services share the host, so there the port counts, and all names of the machine are equal. */
function isOwn(address: URL, own: URL): boolean {
  const [theirs, ours] = [address.hostname, own.hostname].map((host) => host.replace(/(?<!\.)\.+$/, ""));
  if (isLocal(theirs) && isLocal(ours)) return address.port === own.port;
  return theirs === ours;
}

function isLocal(host = ""): boolean {
  return /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(host);
}
