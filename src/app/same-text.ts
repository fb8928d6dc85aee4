/** Whether two secrets are the same; takes as long for any text, since both are hashed first. An empty one is no secret. */
export async function sameText(given: string, wanted: string): Promise<boolean> {
  const [one, other] = await Promise.all([given, wanted].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
  return wanted !== "" && one !== undefined && other !== undefined && crypto.subtle.timingSafeEqual(one, other);
}
