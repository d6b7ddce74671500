// Uploads files and folders, each to POST /v1/documents, and shows their progress and outcome.

import { element } from "../elements.js";
import { refresh } from "./refreshing.js";

const MOST_UPLOADS = 2; // at the same time
const POLL_MS = 400;

const form = document.querySelector(".drop");
const input = document.getElementById("files");
const folder = document.getElementById("folder");
const files = document.querySelector(".files");
const status = document.getElementById("status");
const mostBytes = Number(form.dataset.mostBytes);
const queue = [];
let uploads = 0;

// `path`: the file's name with its folders, from the one that was dropped.
function add(selected) {
  const placement = ["collection", "access"].map((name) => [name, form.elements[name].value.trim()]).filter(([, value]) => value);
  for (const { file, path } of selected) {
    const outcome = element("span", { class: "outcome" }, "Waiting");
    const progress = element("progress", { max: 1, value: 0, "aria-label": `Progress of ${path}` });
    const row = element("li", null, element("span", { class: "name" }, path), outcome, progress);
    files.append(row);
    queue.push({ file, path, placement, row, outcome, progress });
  }
  if (!selected.length) return;
  document.getElementById("heading").hidden = false;
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
  const accepted = await send(upload, (share) => (upload.progress.value = share));
  upload.outcome.textContent = "Processing";
  upload.progress.removeAttribute("value");
  await follow(upload, accepted.job.id);
}

async function follow(upload, id) {
  const job = await finishedJob(id);
  if (job.documents) finish(upload, "done", words(job), job.failures);
  else finish(upload, "failed", "Not added", job.failures);
  refresh().then(() => {
    // It is listed below, where it can be tried again.
    if (document.querySelector(`[data-failed="${id}"]`)) upload.row.remove();
    document.getElementById("heading").hidden = !files.children.length;
  });
}

// As in list_page.py.
function words({ documents, outcomes }) {
  const said = { added: "Added", replaced: "Replaced", unchanged: "Already there", kept: "Kept as it was" };
  const kinds = Object.keys(outcomes);
  const word = kinds.length === 1 ? said[kinds[0]] : "Done";
  return documents > 1 ? `${word}: ${documents} documents` : word;
}

// XMLHttpRequest, because fetch reports no upload progress.
function send({ file, path, placement }, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file, path);
    for (const [name, value] of placement) body.append(name, value);
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

function finish({ path, row, outcome, progress }, kind, words, reasons) {
  progress?.remove();
  outcome.textContent = words;
  outcome.classList.add(kind);
  row.append(...reasons.map((text) => element("p", { class: "reason" }, text)));
  status.className = "visually-hidden";
  status.textContent = `${path}: ${words}. ${reasons.join(" ")}`;
}

function chosen(list) {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name })).filter(isVisible);
}

// Programs keep their own data in files and folders whose names begin with a point.
function isVisible({ path }) {
  return !path.includes("/") || !path.split("/").some((name) => name.startsWith("."));
}

// What was dropped, with the files in its folders. `entries` must be taken before the first wait.
async function dropped({ items, files: list }) {
  const entries = [...(items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return chosen(list);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found.filter(isVisible);
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // up to 100
    if (!part.length) return;
    for (const each of part) await walk(each, found);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add(chosen(input.files));
  input.value = "";
});
for (const choice of [input, folder]) {
  choice.addEventListener("change", () => {
    add(chosen(choice.files));
    choice.value = "";
  });
}

for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.add("dragging");
  });
}
for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("dragging"));
form.addEventListener("drop", async (event) => {
  event.preventDefault();
  add(await dropped(event.dataTransfer));
});
// Otherwise the browser opens a file that is dropped beside the form.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

// Jobs that the form without scripts, or a retry, has begun.
for (const row of files.querySelectorAll("[data-job]")) {
  const outcome = row.querySelector(".outcome");
  for (const reason of row.querySelectorAll(".reason")) reason.remove();
  follow({ path: row.querySelector(".name").textContent, row, outcome }, row.dataset.job).catch((error) => (outcome.textContent = error.message));
}

for (const hidden of form.querySelectorAll(".droppable, .folder")) hidden.hidden = false;
form.querySelector("button").hidden = true;
document.querySelector(".refresh")?.remove();
