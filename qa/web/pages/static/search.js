// The search box: searches when typing pauses, gives every state an address, and works by keyboard alone.
// Without this script the form loads the same page from the server.

import { element } from "./elements.js";
import { _ } from "./language.js";
import { answerArea, summary } from "./results.js";

const TYPING_PAUSE_MS = 180;
const LEAST_TYPED = 3; // characters before typing alone searches
const WAITING_MS = 300; // before the page shows that it waits
const LIMIT = 5;
const FACETS = ["collection", "source", "type", "year"];

const form = document.querySelector("form[role=search]");
const box = form.elements.q;
const home = document.getElementById("home");
const results = document.getElementById("results");
const errors = document.getElementById("errors");
const status = document.getElementById("status");
const likelyConfidence = Number(form.dataset.likelyConfidence);
const texts = JSON.parse(form.dataset.texts);
const feedbackForm = "feedback" in form.dataset;
const title = form.dataset.title ?? "Quotable";
const collection = form.dataset.collection ?? null; // of the page; another one has a page of its own
const moreResults = Number(form.dataset.more);
const selected = FACETS.filter((key) => form.elements[key]).map((key) => [key, form.elements[key].value]);

let latest = 0; // number of the newest request; older answers are dropped
let controller = null; // cancels the newest request
let typingTimer = 0;
let typing = false; // whether the address is that of a question still being typed
let current = box.value.trim(); // the question on the page
let failed = null; // the request to repeat when the server can be reached

function address(question, limit = LIMIT) {
  const parts = new URLSearchParams(question ? [["q", question], ...selected] : selected);
  if (limit !== LIMIT) parts.set("limit", limit);
  return parts.size ? `${location.pathname}?${parts}` : location.pathname;
}

function filter() {
  const parts = selected.flatMap(([key, value]) =>
    key === "year"
      ? [
          { type: "gte", key: "date", value },
          { type: "lt", key: "date", value: String(Number(value) + 1) },
        ]
      : [{ type: "eq", key, value }],
  );
  return parts.length ? { type: "and", filters: parts } : null;
}

async function answerTo(question, limit, typing, signal) {
  const response = await fetch("/v1/search", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: question, limit, filter: filter(), collection, typing }),
    signal,
  });
  const body = await response.json();
  return response.ok ? { body } : { problem: body };
}

async function ask(question, { limit = LIMIT, typing = false } = {}) {
  const number = ++latest;
  controller?.abort();
  controller = new AbortController();
  failed = null;
  const waiting = setTimeout(() => form.classList.add("waiting"), WAITING_MS);
  try {
    const { body, problem } = await answerTo(question, limit, typing, controller.signal);
    if (number === latest) problem ? showProblem(problem) : showAnswer(question, body, limit);
  } catch (error) {
    if (number === latest && error.name !== "AbortError") {
      failed = { question, limit, typing };
      showUnreachable();
    }
  } finally {
    clearTimeout(waiting);
    if (number === latest) form.classList.remove("waiting");
  }
}

function showAnswer(question, body, limit) {
  const more = body.results.length >= limit && limit < moreResults ? address(question, moreResults) : null;
  const asWritten = new URLSearchParams([["q", question], ...selected, ["spelling", "false"]]);
  const uncorrected = `${location.pathname}?${asWritten}`;
  showResults(question, answerArea(body, { likelyConfidence, texts, more, feedbackForm, uncorrected }), []);
  status.textContent = summary(body, { likelyConfidence, texts });
}

function showProblem(problem) {
  const words = (problem.errors ?? []).map(({ field, message }) => (field === "query" ? `Your question ${message}.` : `${field}: ${message}.`));
  showResults(box.value, [], [element("p", { class: "error" }, words.join(" ") || `${problem.detail}.`)]);
}

function showUnreachable() {
  const again = element("button", { type: "button", class: "plain" }, _("Try again"));
  again.addEventListener("click", repeatFailed);
  const words = navigator.onLine ? _("The server cannot be reached.") : _("You are offline.");
  showResults(box.value, [], [element("p", { class: "error" }, `${words} ${_("Your question is kept.")} `, again)]);
}

function repeatFailed() {
  if (failed) ask(failed.question, failed);
}

function showResults(question, parts, messages) {
  home.hidden = true;
  results.replaceChildren(...parts);
  errors.replaceChildren(...messages);
  setQuestion(question);
}

function showHome() {
  latest++;
  controller?.abort();
  form.classList.remove("waiting");
  failed = null;
  results.replaceChildren();
  errors.replaceChildren();
  home.hidden = false;
  status.textContent = "";
  setQuestion("");
}

// Sets the question of the page, its title and the links that narrow the search.
function setQuestion(question) {
  current = question;
  document.title = question ? `${question} – ${title}` : title;
  for (const link of document.querySelectorAll("a[data-keeps-question]")) {
    const target = new URL(link.href);
    question ? target.searchParams.set("q", question) : target.searchParams.delete("q");
    link.href = target;
  }
}

// A question that is being typed has one entry in the history.
function updateAddress(question, isTyping) {
  const target = address(question);
  const present = location.pathname + location.search;
  if (target !== present) history[typing ? "replaceState" : "pushState"](null, "", target);
  typing = isTyping;
}

box.addEventListener("input", (event) => {
  clearTimeout(typingTimer);
  if (event.isComposing) return;
  const question = box.value.trim();
  if (!question) {
    updateAddress("", true);
    showHome();
  } else if (question !== current && [...question].length >= LEAST_TYPED) {
    typingTimer = setTimeout(() => {
      updateAddress(question, true);
      ask(question, { typing: true });
    }, TYPING_PAUSE_MS);
  }
});

box.addEventListener("compositionend", () => box.dispatchEvent(new Event("input")));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typingTimer);
  const question = box.value.trim();
  if (!question) return;
  updateAddress(question, false);
  ask(question);
});

results.addEventListener("submit", async (event) => {
  if (!event.target.matches(".feedback")) return;
  event.preventDefault();
  const values = new FormData(event.target, event.submitter);
  const ids = values.get("results").split(" ").filter(Boolean);
  const given = { query: values.get("query"), helped: values.get("helped") === "yes", generation: Number(values.get("generation")), results: ids };
  const sent = await fetch("/v1/feedback", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given),
  }).catch(() => null);
  const words = sent?.ok ? _("Thank you for the feedback.") : _("The feedback could not be saved. Try again later.");
  event.target.replaceChildren(element("p", { role: "status", tabindex: "-1" }, words));
  event.target.firstChild.focus();
});

addEventListener("popstate", () => {
  clearTimeout(typingTimer);
  const parts = new URLSearchParams(location.search);
  if (FACETS.some((key) => (parts.get(key) ?? "") !== (form.elements[key]?.value ?? ""))) {
    location.reload();
    return;
  }
  typing = false;
  box.value = parts.get("q") ?? "";
  const question = box.value.trim();
  question ? ask(question, { limit: Number(parts.get("limit")) || LIMIT }) : showHome();
});

addEventListener("online", repeatFailed);

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const inText = event.target.closest("input, textarea, select");
  if (event.key === "/" && !inText) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && (box.value || results.hasChildNodes())) {
    event.preventDefault();
    clear();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (!inText || inText === box)) {
    if (moveFocus(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
  }
});

function clear() {
  clearTimeout(typingTimer);
  box.value = "";
  box.focus();
  updateAddress("", false);
  showHome();
}

// Moves the focus between the box and the links to documents, or to the examples.
function moveFocus(step) {
  const links = [...document.querySelectorAll(home.hidden ? "#results .source-link a, #results h3 a" : "#home .examples a")];
  const stops = [box, ...links];
  const index = stops.indexOf(document.activeElement);
  const next = stops[index + step];
  if (index < 0 || !next) return false;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

document.querySelector(".keys").hidden = false;
