import * as v from "valibot";
import { boundedText } from "../../bounded";

const address = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$/;
// A name with special characters of headers must be quoted.
const named = /^(?:"[^"\\\p{Cc}]{1,128}"|[^"\\()<>[\]:;@,\p{Cc}\p{Zl}\p{Zp}]{1,128}) ?<([^<>\s]{1,254})>$/u;

/** `ada@example.com`, `Ada Lovelace <ada@example.com>` or `"Lovelace, Ada" <ada@example.com>`, its domain in ASCII; never a line break. */
export function isMailbox(text: string): boolean {
  const bare = named.exec(text)?.[1] ?? text;
  return bare.length <= 254 && address.test(bare) && !/^\.|\.\.|\.@/.test(bare);
}

/** The mailbox with its domain in ASCII (`bücher.example` becomes `xn--bcher-kva.example`). Undefined: the text is no mailbox. */
export function mailboxFrom(text: string): string | undefined {
  const bare = named.exec(text)?.[1] ?? text;
  const at = bare.lastIndexOf("@");
  const domain = bare.slice(at + 1);
  if (at < 1 || domain.length > 253 || /^[\x21-\x7e]*$/.test(domain)) return isMailbox(text) ? text : undefined;
  // Characters that no host name may contain, and other dots than the ASCII one; `URL` decides the rest.
  const host = /[\s/?#@:\\[\]<>%]/.test(domain) ? undefined : URL.parse(`https://${domain}`)?.hostname;
  const whole = host === undefined ? undefined : text.replace(bare, () => `${bare.slice(0, at)}@${host}`);
  return whole !== undefined && isMailbox(whole) ? whole : undefined;
}

export function bareAddress(mailbox: string): string {
  return named.exec(mailbox)?.[1] ?? mailbox;
}

/** Whether the part before the @ is not ASCII: mail servers accept that only with the extension SMTPUTF8, which few offer. */
function hasForeignLocalPart(text: string): boolean {
  const bare = named.exec(text)?.[1] ?? text;
  return /\P{ASCII}/u.test(bare.slice(0, bare.lastIndexOf("@")));
}

const rule = "must be an address, as ada@example.com or Ada <ada@example.com>";
const localRule = "has letters before the @ that are not ASCII, which most mail servers refuse: use the address's ASCII form";

/** An address in a payload or a body, its domain in any script. The library's own messages would repeat the refused address. */
export const mailbox = v.pipe(
  boundedText(400, { rule }),
  v.check((text) => mailboxFrom(text) !== undefined || hasForeignLocalPart(text), rule),
  v.check((text) => !hasForeignLocalPart(text), localRule),
);

/** An address without a name, in any script, for systems that validate addresses themselves. */
export const plainAddress = boundedText(254, {
  pattern: /^[^\s@<>,;]+@[^\s@<>,;.]+(?:\.[^\s@<>,;.]+)+$/,
  rule: "must be an e-mail address of at most 254 characters",
});
