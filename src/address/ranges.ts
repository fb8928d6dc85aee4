/**
 * Which IP addresses are on the public internet. Sources: the IANA special-purpose registries for IPv4 (RFC 6890 and later)
 * and IPv6, plus the metadata addresses of cloud vendors that lie outside them.
 */

type Block = readonly [network: string, bits: number, what: string];

const closedV4: readonly Block[] = [
  ["0.0.0.0", 8, "this network"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "carrier-grade NAT"],
  ["127.0.0.0", 8, "loopback"],
  ["168.63.129.16", 32, "a metadata address"],
  ["169.254.0.0", 16, "link-local, where metadata services live"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "for documentation"],
  ["192.88.99.0", 24, "reserved"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "for benchmarks"],
  ["198.51.100.0", 24, "for documentation"],
  ["203.0.113.0", 24, "for documentation"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
];

/** Why an IPv4 address (four numbers with dots, as the URL parser writes it) is not public; undefined when it is. */
export function closedIpv4(address: string): string | undefined {
  return closedNumber(numberOf(address));
}

/** Why an IPv6 address (as the URL parser writes it, without brackets) is not public; undefined when it is. */
export function closedIpv6(address: string): string | undefined {
  const groups = groupsOf(address);
  if (groups.every((group) => group === 0)) return "unspecified";
  if (isLoopbackIpv6(address)) return "loopback";
  const carried = embedded(groups);
  if (carried !== undefined) {
    const closed = closedNumber(carried);
    return closed && `an IPv4 address in IPv6 clothes that is ${closed}`;
  }
  return closedGroups(groups);
}

/** 127.0.0.0/8. */
export function isLoopbackIpv4(address: string): boolean {
  return address.startsWith("127.");
}

/** ::1 alone: a mapped 127.0.0.1 is refused rather than recognised. */
export function isLoopbackIpv6(address: string): boolean {
  const groups = groupsOf(address);
  return groups[7] === 1 && groups.slice(0, 7).every((group) => group === 0);
}

function closedNumber(address: number): string | undefined {
  return closedV4.find(([network, bits]) => samePrefix(address, numberOf(network), bits))?.[2];
}

function samePrefix(one: number, other: number, bits: number): boolean {
  const size = 2 ** (32 - bits);
  return Math.floor(one / size) === Math.floor(other / size);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const before = hex(head);
  if (tail === undefined) return before;
  const after = hex(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function hex(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** The IPv4 address carried by a mapped, compatible, NAT64, 6to4 or ISATAP address. */
function embedded(groups: readonly number[]): number | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const low = g * 65_536 + h;
  const zeroToFourth = a === 0 && b === 0 && c === 0 && d === 0;
  if (zeroToFourth && e === 0 && (f === 0xffff || f === 0)) return low;
  if (zeroToFourth && e === 0xffff && f === 0) return low;
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return low;
  if (a === 0x2002) return b * 65_536 + c;
  return f === 0x5efe && (e & 0xfdff) === 0 ? low : undefined;
}

function closedGroups([a = 0, b = 0]: readonly number[]): string | undefined {
  if ((a & 0xfe00) === 0xfc00) return "private (unique local)";
  if ((a & 0xffc0) === 0xfe80) return "link-local";
  if ((a & 0xff00) === 0xff00) return "multicast";
  if ((a & 0xe000) !== 0x2000) return "reserved";
  if (a === 0x2001 && b < 0x0200) return "for tunnels and protocols";
  if ((a === 0x2001 && b === 0x0db8) || (a === 0x3fff && b < 0x1000)) return "for documentation";
  return undefined;
}
