/** What a new domain is called in its folder, its table and its code. */
export interface DomainNames {
  /** `gift-cards`: the folder. */
  folder: string;
  /** `gift_cards`: the table. */
  table: string;
  /** `giftCards`: the capability's name in the context of a run. */
  plural: string;
  /** `GiftCard`: one of them. */
  one: string;
  /** `giftCard`: in the names of values. */
  oneValue: string;
}

/** Words of which the plural would be a keyword, or that the generated files use themselves. */
const taken = new Set(["cases", "classes", "news", "tests", "describes", "expects", "envs", "dbs"]);

/** The names for a folder, or what is wrong with it. */
export function domainNamesOf(folder: string | undefined): DomainNames | { wrong: string } {
  if (!folder) return { wrong: "Name the domain by a plural noun, as in npm run new-domain vouchers." };
  if (!/^[a-z]+(-[a-z]+)*$/.test(folder) || folder.length > 40 || taken.has(folder)) {
    return {
      wrong: `"${folder.slice(0, 100)}" cannot name a domain: use a plural noun in small letters, in words joined by single hyphens, at most 40 characters.`,
    };
  }
  const plural = folder.replace(/-(.)/g, (_match, first: string) => first.toUpperCase());
  const oneValue = singular(plural);
  if (oneValue === plural) return { wrong: `"${folder}" is no plural: the list is named by it, and one of the list by its singular.` };
  return { folder, table: folder.replaceAll("-", "_"), plural, one: oneValue.charAt(0).toUpperCase() + oneValue.slice(1), oneValue };
}

function singular(plural: string): string {
  if (plural.endsWith("ies")) return `${plural.slice(0, -3)}y`;
  if (/(?:ss|x|ch|sh)es$/.test(plural)) return plural.slice(0, -2);
  return plural.endsWith("ss") ? plural : plural.replace(/s$/, "");
}
