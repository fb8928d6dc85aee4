import * as v from "valibot";
import { boundedText } from "../../queue/bounded";

const address = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$/;
// A name with marks that mean something in a header must be quoted.
const named = /^(?:"[^"\\\p{Cc}]{1,128}"|[^"\\()<>[\]:;@,\p{Cc}\p{Zl}\p{Zp}]{1,128}) ?<([^<>\s]{1,254})>$/u;

// `ada@example.com`, `Ada Lovelace <ada@example.com>` or `"Lovelace, Ada" <ada@example.com>`; never a line break.
export function isMailbox(text: string): boolean {
  const bare = named.exec(text)?.[1] ?? text;
  return bare.length <= 254 && address.test(bare) && !/^\.|\.\.|\.@/.test(bare);
}

export function addressOf(mailbox: string): string {
  return named.exec(mailbox)?.[1] ?? mailbox;
}

const rule = "must be an address, as ada@example.com or Ada <ada@example.com>";

/** An address in a payload or a body. The message is ours: the library's own repeat the address they refuse. */
export const mailbox = v.pipe(boundedText(400, { rule }), v.check(isMailbox, rule));

/** An address without a name, in whatever script: for systems that judge addresses themselves. */
export const plainAddress = boundedText(254, {
  pattern: /^[^\s@<>,;]+@[^\s@<>,;.]+(?:\.[^\s@<>,;.]+)+$/,
  rule: "must be an e-mail address of at most 254 characters",
});
