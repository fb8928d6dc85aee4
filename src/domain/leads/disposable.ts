import { withParents } from "./email";

/** What a project adds to the public list, and what it takes out of it. */
export interface DisposableRules {
  add: readonly string[];
  except: readonly string[];
}

/** Made when it is first needed: the list is long. */
let known: ReadonlySet<string> | undefined;

/**
 * Whether mail to this domain, or to one it is a part of, is thrown away: by the public list or the project's own. An exception counts
 * for its subdomains as well, and before both.
 */
export async function isDisposable(domain: string, { add, except }: DisposableRules): Promise<boolean> {
  known ??= new Set((await import("disposable-email-domains-js/dist/dict/disposable_email_blocklist.json")).default);
  const domains = withParents(domain);
  return !domains.some((each) => except.includes(each)) && domains.some((each) => known?.has(each) || add.includes(each));
}
