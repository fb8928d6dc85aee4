import { withParents } from "./email";

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
