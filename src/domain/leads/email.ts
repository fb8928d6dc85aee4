import { visible } from "./visible";

interface EmailAddress {
  /** The address to mail: trimmed, in lower case, the domain in ASCII. */
  address: string;
  /** The same for all spellings of an address; for comparison only. */
  key: string;
  domain: string;
}

const local = /^[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}$/u;
const host = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;
const gmail = ["gmail.com", "googlemail.com"];

/** The longest text that is parsed: normalizing combining marks takes quadratic time. Leaves room for invisible characters. */
const maxLength = 1000;

/** Undefined: the text is no address. */
export function readEmail(text: string): EmailAddress | undefined {
  if (text.length > maxLength) return undefined;
  const plain = visible(text.normalize("NFC"))
    .replace(/^mailto:/i, "")
    .trim();
  const at = plain.lastIndexOf("@");
  const name = plain.slice(0, Math.max(0, at)).toLowerCase();
  const domain = domainOf(plain.slice(at + 1));
  const isInvalid = at < 1 || domain === undefined || !local.test(name) || /^\.|\.\.|\.$/.test(name) || name.length + domain.length > 253;
  if (isInvalid) return undefined;
  return { address: `${name}@${domain}`, key: emailKey(name, domain), domain };
}

/** The domain and its parents: `a.b.example` and `b.example`. */
export function withParents(domain: string): string[] {
  const labels = domain.split(".");
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join("."));
}

/** The key of a name in lower case at a domain in ASCII. Gmail ignores dots and the part after a plus sign. */
export function emailKey(name: string, domain: string): string {
  if (!gmail.includes(domain)) return `${name}@${domain}`;
  return `${name.replace(/\+.*/s, "").replaceAll(".", "") || name}@gmail.com`;
}

function domainOf(text: string): string | undefined {
  const url = /^[^\s/?#:@\\[\]%]+$/.test(text) ? URL.parse(`https://${text}`) : null;
  const name = url?.hostname.replace(/\.$/, "");
  return name !== undefined && host.test(name) ? name : undefined;
}

/** A project's additions to the public list, and its exceptions. */
interface DisposableRules {
  add: readonly string[];
  except: readonly string[];
}

/** Built on first use: the list is long. */
let publicList: ReadonlySet<string> | undefined;

/**
 * Whether this domain, or a parent of it, is a disposable-mail domain by the public list or the project's additions. An exception applies
 * to its subdomains as well, and precedes both.
 */
export async function isDisposable(domain: string, { add, except }: DisposableRules): Promise<boolean> {
  publicList ??= new Set((await import("disposable-email-domains-js/dist/dict/disposable_email_blocklist.json")).default);
  const domains = withParents(domain);
  return !domains.some((each) => except.includes(each)) && domains.some((each) => publicList?.has(each) || add.includes(each));
}
