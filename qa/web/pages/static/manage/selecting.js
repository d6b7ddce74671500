// Selects all documents of the page, and shows how many are selected.

import { element } from "../elements.js";

function prepare() {
  const remove = document.getElementById("remove");
  if (!remove) return;
  const all = element("input", { type: "checkbox", "data-all": "" });
  remove.before(element("label", { class: "all" }, all, "Select all on this page"));
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    count();
  });
  count();
}

function boxes() {
  return [...document.querySelectorAll("#documents input[name=id]")];
}

function count() {
  const remove = document.getElementById("remove");
  const selected = boxes().filter(({ checked }) => checked).length;
  const all = document.querySelector("[data-all]");
  all.checked = selected > 0 && selected === boxes().length;
  all.indeterminate = selected > 0 && !all.checked;
  remove.disabled = selected === 0;
  remove.textContent = selected ? `Remove ${selected} selected…` : "Remove selected…";
}

document.addEventListener("change", ({ target }) => target.matches("#documents input[name=id]") && count());
document.addEventListener("refreshed", ({ detail }) => detail === "documents" && prepare());
addEventListener("pageshow", () => document.querySelector("[data-all]") && count()); // the browser restores a form after the script
prepare();
