import { Idiomorph } from "idiomorph";

/** The only policy that makes markup of text. The text is a page of this Worker, rendered with every value escaped. */
const policy = policyOf();

function policyOf(): { createHTML(text: string): string } {
  const { trustedTypes } = globalThis as {
    trustedTypes?: { createPolicy(name: string, rules: { createHTML(text: string): string }): { createHTML(text: string): string } };
  };
  const rules = { createHTML: (text: string) => text };
  return trustedTypes?.createPolicy("jobyard", rules) ?? rules;
}

/**
 * Changes the page into what the server has just rendered, without replacing equal parts. Nodes with an id are kept, with their focus, selected text,
 * open folds and dialogs, and typed text. @returns How many new rows wait at the top of a list that is in use.
 */
export function morph(main: HTMLElement, text: string): number {
  const next = new DOMParser().parseFromString(policy.createHTML(text), "text/html").querySelector("main");
  if (!next) return 0;
  const waiting = holdBack(main, next);
  Idiomorph.morph(main, next, { morphStyle: "outerHTML", restoreFocus: true, callbacks: { beforeNodeMorphed, beforeNodeRemoved, beforeAttributeUpdated } });
  return waiting;
}

function beforeNodeMorphed(old: Node, next: Node): boolean {
  if (old instanceof HTMLTimeElement && next instanceof HTMLTimeElement) return old.dateTime !== next.dateTime;
  if (old instanceof HTMLInputElement && (old.type === "checkbox" || old.type === "radio")) return old.checked === old.defaultChecked;
  if (old instanceof HTMLInputElement || old instanceof HTMLTextAreaElement) return old.value === old.defaultValue;
  return !(old instanceof HTMLSelectElement && old === document.activeElement);
}

function beforeNodeRemoved(node: Node): boolean {
  return !(node instanceof Element && (node.matches("dialog[open], .toast") || node.querySelector("dialog[open]")));
}

/** Keeps open what a person opened, and closed what a person closed. */
function beforeAttributeUpdated(name: string, element: Element): boolean {
  return !(name === "open" && element.matches("details, dialog"));
}

/** Leaves out new rows at the top, which would move the others, while the pointer, the focus or a selection is in the list. */
function holdBack(main: HTMLElement, next: Element): number {
  const list = main.querySelector("[data-stream]");
  const rows = next.querySelector("[data-stream]")?.children;
  if (!list || !rows || !isUsed(list)) return 0;
  const known = [...rows].findIndex((row) => row.id !== "" && list.querySelector(`#${CSS.escape(row.id)}`));
  for (const row of [...rows].slice(0, Math.max(0, known))) row.remove();
  return Math.max(0, known);
}

function isUsed(list: Element): boolean {
  const selection = getSelection();
  const isSelected = selection !== null && !selection.isCollapsed && selection.containsNode(list, true);
  return isSelected || list.matches(":hover, :focus-within") || list.querySelector("input:checked") !== null;
}
