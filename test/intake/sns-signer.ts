/** A certificate of the tests and its key: it signs as Amazon SNS does, and no client trusts it. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIICBDCCAW2gAwIBAgIUJibSeQr8OtPdjNUtOUM5O0IgHSQwDQYJKoZIhvcNAQEL
BQAwEzERMA8GA1UEAwwIc25zLnRlc3QwIBcNMjYxMTI2MDMxNjQxWhgPMjEyNjEx
MDIwMzE2NDFaMBMxETAPBgNVBAMMCHNucy50ZXN0MIGfMA0GCSqGSIb3DQEBAQUA
A4GNADCBiQKBgQCXeIT42UxerZUYZ7+WcaOBaWX1T3gT2VSDoB6BXMZC9QahESut
uahiLm8mDtHptKr2/hoaUgF6wvlvBgzGrkaUc1kWM70ErOetLbekRJJ6jiNQq/tC
GlzO04bx6AcNHLTr7mnc4KNy+HbB4sgjakYMra9x0t+0lvnJNjNbSiiWnwIDAQAB
o1MwUTAdBgNVHQ4EFgQUaJxQey7Me9M/IWxlUeaU+MnQrP4wHwYDVR0jBBgwFoAU
aJxQey7Me9M/IWxlUeaU+MnQrP4wDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0B
AQsFAAOBgQAybprDk/V1Pizp/p2/nn4nQFsv5V/d93US0KTkRKg0LP6DSEoAMb1i
kfrfeHBdJXqK3J81wt9c7z6oTNdpNFeqpDfQPaslmf7XdBMPnIzCDGk4/heQTFiJ
ddakVcIZ6OESlKYRs0DJ3tjPFbuMCpjq7dEqK8fuXm2h3Bkvh8r4dg==
-----END CERTIFICATE-----`;

const key =
  "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAJd4hPjZTF6tlRhnv5Zxo4FpZfVPeBPZVIOgHoFcxkL1BqERK625qGIubyYO0em0qvb+GhpSAXrC+W8GDMauRpRzWRYzvQSs560tt6REknqOI1Cr+0IaXM7ThvHoBw0ctOvuadzgo3L4dsHiyCNqRgytr3HS37SW+ck2M1tKKJafAgMBAAECgYB+ja9rywJHyHfdoDEunVui8FDDmNYWn2pBXzKdmsn7f4U+ZX488/V/spQjFBbGULDXFI7ylrmtu+FzpXZfOZS1gmtY5l/KwwRP3BjbI11WIcv2Cf+fp4bZMoA/p5w5x1403VGNOK/+G4RulqQq9XQOsugt7dgmzt8WtXVenIZCAQJBAMYKpebs58UYUSjN6Xn/FBbDtm6DUaiU05veo9Z9Z2Ytfbq5Bxo6Zo4jqpYzbtinOWWd3aXz9kmaMt8wFjLnaF8CQQDDzMSiWUfPvva7W6keIVqJ/XDh+YfL+9rbra5JXHV3SCULlY6RvgNw6gltXquVruOObXjrHtm9y7qGKHKLYnnBAkBe1YSCY5nNCQr8RjZypBJjoE7A9wNoffQjJOdB9AVKqagWfToIdkTb9fpfOLvw5YsXvRQBvySGNF/9/pHyyFtzAkEAi4fuDL/RBAPTMls0nosoSTO58N9w3XWiVnBjxlXEQ/e+po2ypruhGiM+CpmvbyDNex8aT3uRscZwKtDCKABKQQJAGHcVWOo1Io8Am9qyj0AkLJ7SBeSwQBRDkK2rppNhZ/Dups5OHNyHrJ/gwZ2CJOW6ChdeBuP1GBlsZQKW51iEHg==";

const names: Readonly<Record<string, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

/** The message with its signature, of version 1 (SHA-1) or 2 (SHA-256). */
export async function signedBySns(message: Record<string, string>, version: "1" | "2" = "1"): Promise<Record<string, string>> {
  const hash = version === "2" ? "SHA-256" : "SHA-1";
  const bytes = Uint8Array.from(atob(key), (character) => character.charCodeAt(0));
  const signing = await crypto.subtle.importKey("pkcs8", bytes, { name: "RSASSA-PKCS1-v1_5", hash }, false, ["sign"]);
  const content = (names[message["Type"] ?? ""] ?? []).flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`])).join("");
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", signing, new TextEncoder().encode(content));
  return { ...message, SignatureVersion: version, Signature: btoa(String.fromCharCode(...new Uint8Array(signature))) };
}
