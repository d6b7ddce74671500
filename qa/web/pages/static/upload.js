// Uploads each file to POST /v1/documents and shows its progress and outcome.

import { element } from "./elements.js";

const MOST_UPLOADS = 2; // at the same time
const POLL_MS = 400;

const form = document.querySelector(".drop");
const input = form.elements.file;
const files = document.querySelector(".files");
const status = document.getElementById("status");
const mostBytes = Number(form.dataset.mostBytes);
const queue = [];
let uploads = 0;

function add(selected) {
  for (const file of selected) {
    const outcome = element("span", { class: "outcome" }, "Waiting");
    const progress = element("progress", { max: 1, value: 0, "aria-label": `Progress of ${file.name}` });
    const row = element("li", null, element("span", { class: "name" }, file.name), outcome, progress);
    files.append(row);
    queue.push({ file, row, outcome, progress });
  }
  document.getElementById("heading").hidden = false;
  input.required = false;
  startNext();
}

function startNext() {
  while (uploads < MOST_UPLOADS && queue.length) {
    uploads += 1;
    const upload = queue.shift();
    process(upload)
      .catch((error) => finish(upload, "failed", "Not added", [error.message]))
      .finally(() => {
        uploads -= 1;
        startNext();
      });
  }
}

async function process(upload) {
  if (upload.file.size > mostBytes) throw new Error(`The file is too large. The limit is ${mostBytes / 1e6} MB.`);
  upload.outcome.textContent = "Uploading";
  const accepted = await send(upload.file, (share) => (upload.progress.value = share));
  upload.outcome.textContent = "Processing";
  upload.progress.removeAttribute("value");
  const job = await finishedJob(accepted.job.id);
  if (!job.documents) return finish(upload, "failed", "Not added", job.failures);
  finish(upload, "done", words(job), job.failures);
}

// As in upload_page.py.
function words({ documents, outcomes }) {
  const said = { added: "Added", replaced: "Replaced", unchanged: "Already there", kept: "Kept as it was" };
  const kinds = Object.keys(outcomes);
  const word = kinds.length === 1 ? said[kinds[0]] : "Done";
  return documents > 1 ? `${word}: ${documents} documents` : word;
}

// XMLHttpRequest, because fetch reports no upload progress.
function send(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("load", () => (request.status === 202 ? resolve(request.response) : reject(new Error(errorText(request.response)))));
    request.addEventListener("error", () => reject(new Error("The server cannot be reached; try this file again.")));
    request.open("POST", "/v1/documents");
    request.send(body);
  });
}

function errorText(problem) {
  const words = (problem?.errors ?? []).map(({ field, message }) => `${field} ${message}`);
  return words.join("; ") || problem?.detail || "The server refused the file.";
}

async function finishedJob(id) {
  for (;;) {
    const response = await fetch(`/v1/jobs/${id}`);
    const job = await response.json();
    if (!response.ok) throw new Error(errorText(job));
    if (job.finished) return job;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function finish({ file, row, outcome, progress }, kind, words, reasons) {
  progress.remove();
  outcome.textContent = words;
  outcome.classList.add(kind);
  row.append(...reasons.map((text) => element("p", { class: "reason" }, text)));
  status.textContent = `${file.name}: ${words}. ${reasons.join(" ")}`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add(input.files);
  form.reset();
});
input.addEventListener("change", () => {
  add(input.files);
  form.reset();
});

for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.add("dragging");
  });
}
for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("dragging"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  add(event.dataTransfer.files);
});
// Otherwise the browser opens a file that is dropped beside the form.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

document.querySelector(".droppable").hidden = false;
form.querySelector("button").hidden = true;
