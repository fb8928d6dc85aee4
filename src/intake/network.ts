/** The network address of the request's sender. */
export function clientAddress(request: Request): string | undefined {
  return request.headers.get("cf-connecting-ip")?.trim() || undefined;
}

/**
 * The network of one subscriber: an IPv4 address, or the first 64 bits of an IPv6 address, since a subscriber may use every address below them.
 * An IPv4 address in IPv6 (`::ffff:192.0.2.1`) is that address.
 */
export function subscriberOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  if (!address.includes(":")) return address.slice(0, 64);
  const host = URL.parse(`http://[${address.split("%")[0]}]/`)?.hostname.slice(1, -1);
  if (host === undefined) return "unknown";
  const [head = "", tail = ""] = host.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  const groups = host.includes("::") ? [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after] : before;
  if (groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff") {
    const bits = groups.slice(6).map((group) => parseInt(group, 16));
    return bits.flatMap((group) => [group >> 8, group & 255]).join(".");
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
