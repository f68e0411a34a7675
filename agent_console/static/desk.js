// What pages can do beyond HTML: keys, the list of keys, the draft into the answer, and no form sent twice.
// Elements say in data-key which keys press them ("n", "g q", "ctrl+enter"); everything works without this file.
"use strict";

const SEQUENCE_MS = 1500;
let typed = [];
let forget = 0;

const isWriting = (element) =>
  element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));

const keyed = () => [...document.querySelectorAll("[data-key]")].filter((element) => !element.closest("[hidden]"));

function press(element) {
  if (element.matches("textarea, input, select")) {
    element.focus();
    element.scrollIntoView({ block: "center" });
  } else {
    element.click();
    if (element.matches("summary")) element.parentElement.querySelector("select, textarea")?.focus();
  }
}

function onKey(event) {
  if (event.isComposing || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey) {
    const found = event.key === "Enter" && keyed().find((element) => element.dataset.key === "ctrl+enter");
    if (found && isWriting(event.target)) {
      event.preventDefault();
      found.click();
    }
    return;
  }
  if (isWriting(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key.length !== 1) return;
  clearTimeout(forget);
  forget = setTimeout(() => (typed = []), SEQUENCE_MS);
  typed = [...typed, event.key].slice(-2);
  const found =
    keyed().find((element) => element.dataset.key === typed.join(" ")) ??
    keyed().find((element) => element.dataset.key === event.key);
  if (found) {
    event.preventDefault();
    typed = [];
    press(found);
  }
}

function showKeys() {
  const list = document.getElementById("keys-list");
  list.replaceChildren();
  for (const element of keyed()) {
    const keys = document.createElement("dt");
    for (const key of element.dataset.key.split(" ")) {
      const one = document.createElement("kbd");
      one.textContent = key;
      keys.append(one, " ");
    }
    const label = element.labels?.[0] ?? element;
    const name = document.createElement("dd");
    const words = label.cloneNode(true);
    for (const key of words.querySelectorAll("kbd")) key.remove();
    name.textContent = element.getAttribute("aria-label") ?? words.textContent.trim();
    list.append(keys, name);
  }
  document.getElementById("keys").showModal();
}

function onClick(event) {
  const opener = event.target.closest("[data-opens]");
  if (opener) showKeys();
  const copier = event.target.closest("[data-copies]");
  const into = copier && document.getElementById(copier.dataset.into);
  if (into) {
    event.preventDefault();
    const draft = document.getElementById(copier.dataset.copies).textContent;
    into.focus();
    into.setRangeText(draft, into.selectionStart, into.selectionEnd, "end");
  }
}

function onSubmit(event) {
  if (event.defaultPrevented || event.target.method === "dialog") return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "true";
  for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
}

// A page that comes back from the browser's memory, by the back button, may send its forms again.
function onShow() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
}

for (const element of document.querySelectorAll(".only-script")) element.hidden = false;
const connection = document.getElementById("connection");
document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.addEventListener("submit", onSubmit);
window.addEventListener("pageshow", onShow);
for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(name, () => (connection.hidden = false));
}
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) connection.hidden = true;
});
