// The page's own script: everything here is comfort, the page works without it. It sends nothing anywhere.
"use strict";

document.documentElement.classList.add("js");
const status = (text) => { document.getElementById("status").textContent = text; };
const form = document.getElementById("audit");

function accept(input) {
  const size = [...input.files].reduce((sum, file) => sum + file.size, 0);
  const tooLarge = size > Number(form.dataset.max);
  const note = tooLarge ? `These files are larger than ${form.dataset.maxText}: use the command line` : "";
  input.setCustomValidity(note);
  if (tooLarge) input.reportValidity();
}

function forget(select) {
  if (select) select.options[0].textContent = "detect";
}

function say(button, word) {
  const said = button.textContent;
  button.textContent = word;
  setTimeout(() => { button.textContent = said; }, 1500);
}

async function copy(button) {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    say(button, "Copied");
  } catch {
    getSelection().selectAllChildren(code);
    say(button, "Selected");
  }
}

async function markdown(button) {
  const body = new FormData(document.getElementById("kept"));
  body.set("as", "markdown");
  try {
    const answer = await fetch("/reports", { method: "POST", body });
    if (!answer.ok) throw new Error(answer.statusText);
    await navigator.clipboard.writeText(await answer.text());
    say(button, "Copied");
  } catch { say(button, "Not copied"); }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("copy" in button.dataset) copy(button);
  if ("print" in button.dataset) print();
  if ("markdown" in button.dataset) markdown(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form?.contains(event.target)) {
    event.preventDefault();
    form.requestSubmit(document.getElementById("go"));
  }
});

document.addEventListener("input", (event) => forget(event.target.closest(".box")?.querySelector("select")));
document.addEventListener("change", (event) => { if (event.target.type === "file") accept(event.target); });

for (const box of document.querySelectorAll("[data-drop]")) {
  const files = (event) => [...event.dataTransfer.types].includes("Files");
  box.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    box.classList.add("over-drop");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over-drop"));
  box.addEventListener("drop", (event) => {
    box.classList.remove("over-drop");
    if (!files(event)) return;
    event.preventDefault();
    const input = box.querySelector("input[type=file]");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "result") return;
  document.getElementById("verdict")?.focus();
  const found = [...document.querySelectorAll("#result [data-format]")].map((one) => one.dataset.format);
  const select = form.querySelector("[data-detected]");
  if (found.length === 1 && !select.value) select.options[0].textContent = `detected: ${found[0]}`;
});
document.addEventListener("htmx:sendError", () => status("The server did not answer. Is the text too large?"));

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll(".report details:not([open], .json)")];
  for (const one of opened) { one.open = true; }
});
addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
