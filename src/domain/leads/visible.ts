/** Format characters, fillers, variation selectors and the control characters of Latin-1: all are invisible. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u0080-\u009f]/gu;

/** An address or number without invisible characters, which copying adds, and without surrounding blanks. */
export function visible(text: string): string {
  return text.replaceAll(invisible, "").trim();
}
