/** Asking before acting, and telling what happened. */
export const dialogs = String.raw`
function toast(text, kind) {
  const element = h("div", { class: "toast " + (kind || "") }, text);
  $("toasts").append(element);
  setTimeout(() => element.remove(), kind === "bad" ? 9000 : 4000);
}

function confirmed(question, detail, verb, danger) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "question", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      h("h2", { id: "question" }, question),
      detail && h("div", { class: "dim" }, detail),
      h("div", { class: "actions" },
        h("button", { type: "button", autofocus: true, onclick: () => dialog.close("no") }, "Not now"),
        h("button", { type: "button", class: danger ? "danger" : "main", onclick: () => dialog.close("yes") }, verb)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

async function act(question, detail, verb, work, danger) {
  if (!(await confirmed(question, detail, verb, danger))) return;
  const told = await work();
  toast(told);
  await refresh();
}
`;
