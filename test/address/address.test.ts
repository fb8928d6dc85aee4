import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowedPorts, checkAddress, checkRedirect, type AddressRules } from "../../src/address/address";

const rules: AddressRules = { ownHosts: ["jobs.example.com"], allowLocal: false };
const local: AddressRules = { ownHosts: ["localhost:8787"], allowLocal: true };

function reasonOf(text: string, by: AddressRules = rules): string {
  const verdict = checkAddress(text, by);
  return verdict.ok ? "" : verdict.reason;
}

describe("refuses", () => {
  test.each([
    ["", /absolute https URL/],
    ["shop.cz/api", /absolute https URL/],
    ["//shop.cz", /absolute https URL/],
    ["http://shop.cz", /https:\/\//],
    ["ftp://shop.cz", /https:\/\//],
    ["file:///etc/passwd", /https:\/\//],
    ["javascript:alert(1)", /https:\/\//],
    ["https://user:word@shop.cz", /credentials have fields/],
    ["https://user@shop.cz", /credentials have fields/],
    ["https://shop.cz:22", /ports 443/],
    ["https://shop.cz:80", /ports 443/],
    ["https://shop.cz.", /dot at its end/],
    ["https://shop", /single word/],
    ["https://localhost", /local network/],
    ["https://api.localhost", /local network/],
    ["https://printer.local", /local network/],
    ["https://metadata.google.internal", /local network/],
    ["https://router.home.arpa", /local network/],
    ["https://jobs.example.com/v1/jobs", /back to this service/],
    ["https://JOBS.example.com:8443/", /back to this service/],
    ["https://jobs.example.com./", /back to this service/],
    [`https://shop.cz/${"a".repeat(2100)}`, /2048/],
  ])("%s", (text, reason) => expect(reasonOf(text)).toMatch(reason));

  test.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "１２７.0.0.1",
    "127。0。0。1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "api.default.svc",
    "api.default.svc.cluster.local",
    "db.service.consul",
    "x.test",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:0:10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[2600::5efe:10.0.0.1]",
    "[2600::200:5efe:10.0.0.1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[4000::1]",
  ])("https://%s", (host) => expect(reasonOf(`https://${host}/`)).toMatch(/must have a public host/));
});

describe("lets through", () => {
  test.each([
    "https://shop.cz",
    "https://shop.cz:8443/eshop/api?display=full",
    "https://1.1.1.1/",
    "https://172.32.0.1/",
    "https://100.128.0.1/",
    "https://[2606:4700::1111]/",
    "https://[64:ff9b::101:101]/",
    "https://[2002:101:101::1]/",
    "https://příklad.cz/",
    "https://localhost.example.org/",
    "https://notjobs.example.com/",
  ])("%s", (text) => expect(checkAddress(text, rules)).toMatchObject({ ok: true }));

  test("as the URL parser reads it", () => {
    const verdict = checkAddress(" HTTPS://Shop.CZ:443/a/../b ", rules);
    expect(verdict.ok && verdict.url.href).toBe("https://shop.cz/b");
  });
});

describe("on a developer's machine", () => {
  test.each(["http://localhost:8788", "http://127.0.0.1:8788/api", "http://[::1]:8788", "https://localhost:9999", "https://shop.cz"])(
    "lets %s through",
    (text) => expect(checkAddress(text, local)).toMatchObject({ ok: true }),
  );
  test.each(["http://shop.cz", "http://10.0.0.1", "https://192.168.1.1", "https://169.254.169.254", "http://localhost:8787", "https://shop.cz:22"])(
    "refuses %s",
    (text) => expect(reasonOf(text, local)).not.toBe(""),
  );
});

test("a redirect is judged by where it ends, relative or not", () => {
  const from = new URL("https://shop.cz/a/b");
  expect(checkRedirect("../c", from, rules)).toMatchObject({ ok: true, url: new URL("https://shop.cz/c") });
  expect(checkRedirect("//169.254.169.254/latest", from, rules)).toMatchObject({ ok: false });
  expect(checkRedirect("http://shop.cz/", from, rules)).toMatchObject({ ok: false });
  expect(checkRedirect("https://", from, rules)).toMatchObject({ ok: false });
});

describe("whatever comes", () => {
  test("never throws, and what passes is https to a host with a dot or an IPv6 address", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.webUrl({ withFragments: true, withQueryParameters: true }),
          fc.ipV6().map((ip) => `https://[${ip}]/`),
        ),
        (text) => {
          const verdict = checkAddress(text, rules);
          if (!verdict.ok) return verdict.reason.length > 0;
          const { protocol, hostname, port, username, password } = verdict.url;
          return (
            protocol === "https:" &&
            (hostname.includes(".") || hostname.startsWith("[")) &&
            username + password === "" &&
            (port === "" || allowedPorts.includes(Number(port)))
          );
        },
      ),
    );
  });

  test("the same IPv4 address is judged alike in every notation", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), (number) => {
        const parts = [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);
        const plain = reasonOf(`https://${parts.join(".")}/`) === "";
        const [high, low] = [Math.floor(number / 65_536).toString(16), (number % 65_536).toString(16)];
        const forms = [
          String(number),
          `0x${number.toString(16)}`,
          parts.map((part) => `0${part.toString(8)}`).join("."),
          `[::ffff:${high}:${low}]`,
          `[64:ff9b::${high}:${low}]`,
          `[2002:${high}:${low}::1]`,
        ];
        for (const form of forms) expect(reasonOf(`https://${form}/`) === "", form).toBe(plain);
      }),
    );
  });

  test("no private address passes", () => {
    const octet = fc.nat({ max: 255 });
    const closed = fc.oneof(
      fc.tuple(fc.constantFrom(0, 10, 127), octet, octet, octet),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), octet, octet),
      fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
      fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
      fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), octet, octet),
      fc.tuple(fc.integer({ min: 224, max: 255 }), octet, octet, octet),
    );
    fc.assert(fc.property(closed, (parts) => reasonOf(`https://${parts.join(".")}/`) !== ""));
  });
});
