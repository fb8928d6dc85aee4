import * as v from "valibot";
import { boundedText } from "../../queue/bounded";

const address = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$/;
// A name with marks that mean something in a header must be quoted.
const named = /^(?:"[^"\\\p{Cc}]{1,128}"|[^"\\()<>[\]:;@,\p{Cc}\p{Zl}\p{Zp}]{1,128}) ?<([^<>\s]{1,254})>$/u;

/** `ada@example.com`, `Ada Lovelace <ada@example.com>` or `"Lovelace, Ada" <ada@example.com>`, its domain in ASCII; never a line break. */
export function isMailbox(text: string): boolean {
  const bare = named.exec(text)?.[1] ?? text;
  return bare.length <= 254 && address.test(bare) && !/^\.|\.\.|\.@/.test(bare);
}

/** The same with a domain in any script, which becomes its ASCII form (`bücher.example` is `xn--bcher-kva.example`). Undefined: it is none. */
export function mailboxFrom(text: string): string | undefined {
  const bare = named.exec(text)?.[1] ?? text;
  const at = bare.lastIndexOf("@");
  const domain = bare.slice(at + 1);
  if (at < 1 || domain.length > 253 || /^[\x21-\x7e]*$/.test(domain)) return isMailbox(text) ? text : undefined;
  // What a host name may not hold, and no dot but the plain one: the rest is the platform's to judge.
  const host = /[\s/?#@:\\[\]<>%]/.test(domain) ? undefined : URL.parse(`https://${domain}`)?.hostname;
  const whole = host === undefined ? undefined : text.replace(bare, () => `${bare.slice(0, at)}@${host}`);
  return whole !== undefined && isMailbox(whole) ? whole : undefined;
}

export function addressOf(mailbox: string): string {
  return named.exec(mailbox)?.[1] ?? mailbox;
}

/** Whether what stands before the sign is in letters that mail servers take only by an extension (SMTPUTF8), which few offer. */
function hasForeignLocalPart(text: string): boolean {
  const bare = named.exec(text)?.[1] ?? text;
  return /\P{ASCII}/u.test(bare.slice(0, bare.lastIndexOf("@")));
}

const rule = "must be an address, as ada@example.com or Ada <ada@example.com>";
const localRule = "has letters before the @ that are not ASCII, which most mail servers refuse: use the address's ASCII form";

/** An address in a payload or a body, its domain in any script. The messages are ours: the library's own repeat the address they refuse. */
export const mailbox = v.pipe(
  boundedText(400, { rule }),
  v.check((text) => mailboxFrom(text) !== undefined || hasForeignLocalPart(text), rule),
  v.check((text) => !hasForeignLocalPart(text), localRule),
);

/** An address without a name, in whatever script: for systems that judge addresses themselves. */
export const plainAddress = boundedText(254, {
  pattern: /^[^\s@<>,;]+@[^\s@<>,;.]+(?:\.[^\s@<>,;.]+)+$/,
  rule: "must be an e-mail address of at most 254 characters",
});
