/** Credentials that show what they are, wherever they stand: each pattern, and what of it stays. */
const patterns: readonly [pattern: RegExp, stays: string][] = [
  [/\b(?:jy|sk|re|rk|pk|whsec)_[\w-]{8,}(?:\.[\w-]+)?/gi, ""],
  [/\b(?:sk|xox[abeoprs])-[\w-]{8,}/gi, ""],
  [/([?&](?:ws_key|key|token|secret|signature|sig|password|api_?key)=)[^&\s"']+/gi, "$1"],
];

/** Rules that put `mask` in the place of such credentials: keys with a known prefix, and parameters of a URL. */
export function credentialRules(mask: string): [RegExp, string][] {
  return patterns.map(([pattern, stays]) => [pattern, stays + mask]);
}
