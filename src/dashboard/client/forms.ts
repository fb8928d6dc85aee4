import { refresh } from "./live";

/** Sends forms that act without leaving the page, and shows the result. */
export function startForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post" || form.dataset["plain"] !== undefined) return;
    event.preventDefault();
    void send(form, event.submitter);
  });
}

async function send(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) if (typeof value === "string") fields.append(name, value);
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  try {
    const response = await fetch(addressOf(form, submitter), { method: "POST", body: fields, headers: { accept: "text/vnd.jobyard.fragment" } });
    const place = response.headers.get("x-location");
    if (response.ok && place) return location.assign(place);
    notify(await response.text(), !response.ok);
    if (response.ok) form.closest("dialog")?.close();
  } catch {
    notify("There was no answer: look whether it was done before you try again.", true);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
  await refresh();
}

/** The address that the form is sent to; a button may have its own. */
function addressOf(form: HTMLFormElement, submitter: HTMLElement | null): string {
  return submitter instanceof HTMLButtonElement && submitter.hasAttribute("formaction") ? submitter.formAction : form.action;
}

/** Shows a message for some seconds. */
export function notify(text: string, isTrouble = false): void {
  const toast = document.createElement("p");
  toast.className = isTrouble ? "toast trouble" : "toast";
  toast.textContent = text;
  // An open dialog covers the page, so the message is shown in it.
  const open = document.querySelector("dialog[open] form");
  (isTrouble && open ? open : document.querySelector("#toasts"))?.append(toast);
  setTimeout(() => toast.remove(), isTrouble ? 12_000 : 6000);
}
