export interface Mailbox {
  /** Display name; undefined for a plain address. */
  name: string | undefined;
  address: string;
}

/** Splits `Ada <a@b.example>`, `"Lovelace, Ada" <a@b.example>` or `a@b.example`, without validation. */
export function mailboxOf(text: string): Mailbox {
  const open = text.lastIndexOf("<");
  if (open < 0 || !text.endsWith(">")) return { name: undefined, address: text.trim() };
  const name = text
    .slice(0, open)
    .trim()
    .replace(/^"(.*)"$/s, "$1");
  return { name: name === "" ? undefined : name, address: text.slice(open + 1, -1).trim() };
}

export function mailboxAddress(mailbox: string): string {
  return mailboxOf(mailbox).address;
}

/** The texts of a message that a provider may quote: its mailboxes, their names and the subject. */
export function personalOf(message: { from: string; to: readonly string[]; replyTo?: string | undefined; subject: string }): string[] {
  const mailboxes = [message.from, ...message.to, message.replyTo ?? ""];
  return [message.subject, ...mailboxes, ...mailboxes.map((each) => mailboxOf(each).name ?? "")];
}

/** The mailbox with its domain in ASCII; an invalid domain stays unchanged. */
export function asciiMailbox(mailbox: string): string {
  const address = mailboxAddress(mailbox);
  const domain = address.slice(address.lastIndexOf("@") + 1);
  if (domain === address || /^[\x21-\x7e]*$/.test(domain)) return mailbox;
  // The address is last; its text may also be in the name.
  const end = mailbox.lastIndexOf(domain);
  return `${mailbox.slice(0, end)}${URL.parse(`https://${domain}`)?.hostname ?? domain}${mailbox.slice(end + domain.length)}`;
}

/** Whether a provider's text names the address, in any case of letters; `aa@b.example` does not name `a@b.example`. */
export function namesAddress(answer: string, address: string): boolean {
  const [text, sought] = [answer.toLowerCase(), address.toLowerCase()];
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + 1)) {
    const after = text.slice(at + sought.length, at + sought.length + 2);
    if (!/[\w.+@-]/.test(text[at - 1] ?? " ") && !/^(?:[\w@-]|\.[a-z0-9])/.test(after)) return true;
  }
  return false;
}
