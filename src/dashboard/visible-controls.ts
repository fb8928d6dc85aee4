/** Embeddings, overrides and isolates of text direction: one that is not closed reverses what follows it. */
const directionControls = /[\u202a-\u202e\u2066-\u2069]/g;

/** A field whose text is sent back as it is. Rendered text and attributes contain no `<`. */
const textArea = /(<textarea[^<]*<\/textarea>)/;

/**
 * Rendered HTML in which controls of text direction are shown by their code, as `[U+202E]`. A foreign text then cannot reverse the sentence that
 * quotes it. The values of attributes and text areas stay, since forms send them back.
 */
export function withVisibleControls(html: string): string {
  if (html.search(directionControls) === -1) return html;
  return html
    .split(textArea)
    .map((part, index) => (index % 2 === 1 ? part : textsVisible(part)))
    .join("");
}

/** Rendered text contains no `"`: it only delimits the values of attributes. */
function textsVisible(html: string): string {
  return html
    .split('"')
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll(directionControls, codeOf)))
    .join('"');
}

function codeOf(control: string): string {
  return `[U+${control.charCodeAt(0).toString(16).toUpperCase()}]`;
}
