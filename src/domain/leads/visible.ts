/** Format characters, fillers, variation selectors and the controls of Latin-1: they take no place when they are shown. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u0080-\u009f]/gu;

/** An address or number without characters that cannot be seen, which copying brings along, and without blanks around it. */
export function visible(text: string): string {
  return text.replaceAll(invisible, "").trim();
}
