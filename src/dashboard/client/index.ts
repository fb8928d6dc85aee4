import { notify, startForms } from "./forms";
import { startKeys } from "./keys";
import { startLive } from "./live";
import { writeTimes } from "./times";

/** Copies the text that a button names. */
function startCopying(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
    const text = button && document.getElementById(button.dataset["copy"] ?? "")?.textContent;
    if (text)
      navigator.clipboard.writeText(text).then(
        () => notify("Copied."),
        () => notify("It cannot be copied here.", true),
      );
  });
}

/** Makes buttons open and close their dialog in browsers without `commandfor`. */
function startDialogs(): void {
  if ("commandForElement" in HTMLButtonElement.prototype) return;
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button[commandfor]") : null;
    const dialog = button && document.getElementById(button.getAttribute("commandfor") ?? "");
    if (!(dialog instanceof HTMLDialogElement)) return;
    if (button?.getAttribute("command") === "close") dialog.close();
    else dialog.showModal();
  });
}

writeTimes();
startLive();
startForms();
startKeys();
startCopying();
startDialogs();
