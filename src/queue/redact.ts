const rules: readonly [RegExp, string][] = [
  [/[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}.-]+\.[\p{L}]{2,}/gu, "[e-mail]"],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, "$1 [secret]"],
  [/\b(?:jy|sk|re|rk|pk|whsec|xox[abp])_[\w-]{8,}(?:\.[\w-]+)?/gi, "[secret]"],
  [/([?&](?:ws_key|key|token|secret|signature|sig|password|api_?key)=)[^&\s"']+/gi, "$1[secret]"],
  [/(?<![\w-])\+?\d[\d ()./-]{7,}\d(?![\w-])/g, "[number]"],
];

/** Error texts come from anywhere: what looks like an address, a credential or a telephone number is taken out, the rest is cut at 1,000 characters. */
export function redact(text: string): string {
  const cut = text.length > 4000 ? text.slice(0, 4000) : text;
  const clean = rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), cut);
  return clean.toWellFormed().slice(0, 1000);
}
