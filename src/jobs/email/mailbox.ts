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
