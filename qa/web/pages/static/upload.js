// Adding documents: each file goes on its own to POST /v1/documents, with its progress and what became of it.

import { element } from "./results.js";

const AT_ONCE = 2; // files on their way at the same time
const LOOK = 400; // ms between two looks at a job

const form = document.querySelector(".drop");
const input = form.elements.file;
const files = document.querySelector(".files");
const said = document.getElementById("said");
const mostBytes = Number(form.dataset.mostBytes);
const waiting = [];
let busy = 0;

function take(chosen) {
  for (const file of chosen) {
    const outcome = element("span", { class: "outcome" }, "Waiting");
    const progress = element("progress", { max: 1, value: 0, "aria-label": `Progress of ${file.name}` });
    const row = element("li", null, element("span", { class: "name" }, file.name), outcome, progress);
    files.append(row);
    waiting.push({ file, row, outcome, progress });
  }
  document.getElementById("heading").hidden = false;
  input.required = false;
  next();
}

function next() {
  while (busy < AT_ONCE && waiting.length) {
    busy += 1;
    const one = waiting.shift();
    bring(one)
      .catch((error) => finish(one, "failed", "Not added", [error.message]))
      .finally(() => {
        busy -= 1;
        next();
      });
  }
}

async function bring(one) {
  if (one.file.size > mostBytes) throw new Error(`It is too large: at most ${mostBytes / 1e6} MB are taken.`);
  one.outcome.textContent = "Being sent";
  const accepted = await send(one.file, (share) => (one.progress.value = share));
  one.outcome.textContent = "Being taken in";
  one.progress.removeAttribute("value");
  const job = await finished(accepted.job.id);
  if (!job.documents) return finish(one, "failed", "Not added", job.failures);
  finish(one, "done", job.documents > 1 ? `Added: ${job.documents} documents` : "Added", job.failures);
}

// XMLHttpRequest, because fetch does not tell how much was sent.
function send(file, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && tell(event.loaded / event.total));
    request.addEventListener("load", () => (request.status === 202 ? resolve(request.response) : reject(new Error(reason(request.response)))));
    request.addEventListener("error", () => reject(new Error("The server cannot be reached; try this file again.")));
    request.open("POST", "/v1/documents");
    request.send(body);
  });
}

function reason(problem) {
  const words = (problem?.errors ?? []).map(({ field, message }) => `${field} ${message}`);
  return words.join("; ") || problem?.detail || "The server did not take it.";
}

async function finished(id) {
  for (;;) {
    const response = await fetch(`/v1/jobs/${id}`);
    const job = await response.json();
    if (!response.ok) throw new Error(reason(job));
    if (job.finished) return job;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

function finish({ file, row, outcome, progress }, kind, words, reasons) {
  progress.remove();
  outcome.textContent = words;
  outcome.classList.add(kind);
  row.append(...reasons.map((why) => element("p", { class: "why" }, why)));
  said.textContent = `${file.name}: ${words}. ${reasons.join(" ")}`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  take(input.files);
  form.reset();
});
input.addEventListener("change", () => {
  take(input.files);
  form.reset();
});

for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files);
});
// A file dropped beside the form would be opened instead of the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

document.querySelector(".droppable").hidden = false;
form.querySelector("button").hidden = true;
