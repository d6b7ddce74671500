// The search box: asks once typing pauses, keeps every state under an address of its own, and works by keyboard alone.
// Without it the form asks the server, which answers with the same page.

import { element, found, summary } from "./results.js";

const PAUSE = 180; // ms without a key before what is typed is asked
const LEAST = 3; // characters before typing alone asks
const PATIENCE = 300; // ms before waiting is shown
const LIMIT = 5;
const NARROWED_BY = ["source", "type", "year"];

const form = document.querySelector("form[role=search]");
const box = form.elements.q;
const home = document.getElementById("home");
const list = document.getElementById("found");
const trouble = document.getElementById("trouble");
const status = document.getElementById("status");
const sure = Number(form.dataset.sure);
const asks = "feedback" in form.dataset; // whether readers are asked if an answer helped
const most = Number(form.dataset.more);
const chosen = NARROWED_BY.filter((key) => form.elements[key]).map((key) => [key, form.elements[key].value]);

let latest = 0; // the number of the newest question; an answer to an older one is not shown
let asking = null;
let pause = 0;
let typed = false; // whether the address in the bar is that of a question still being typed
let shown = box.value.trim();
let unanswered = null; // what to ask again when the server can be reached

function address(question, limit = LIMIT) {
  const parts = new URLSearchParams(question ? [["q", question], ...chosen] : chosen);
  if (limit !== LIMIT) parts.set("limit", limit);
  return parts.size ? `${location.pathname}?${parts}` : location.pathname;
}

function filter() {
  const parts = chosen.flatMap(([key, value]) =>
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
    body: JSON.stringify({ query: question, limit, filter: filter(), typing }),
    signal,
  });
  const body = await response.json();
  return response.ok ? { body } : { problem: body };
}

async function ask(question, { limit = LIMIT, typing = false } = {}) {
  const mine = ++latest;
  asking?.abort();
  asking = new AbortController();
  unanswered = null;
  const waiting = setTimeout(() => form.classList.add("waiting"), PATIENCE);
  try {
    const { body, problem } = await answerTo(question, limit, typing, asking.signal);
    if (mine === latest) problem ? tell(problem) : show(question, body, limit);
  } catch (error) {
    if (mine === latest && error.name !== "AbortError") {
      unanswered = { question, limit, typing };
      unreachable();
    }
  } finally {
    clearTimeout(waiting);
    if (mine === latest) form.classList.remove("waiting");
  }
}

function show(question, body, limit) {
  const more = body.results.length >= limit && limit < most ? address(question, most) : null;
  turnTo(question, found(body, { sure, more, asks }), []);
  status.textContent = summary(body, sure);
}

function tell(problem) {
  const words = (problem.errors ?? []).map(({ field, message }) => (field === "query" ? `Your question ${message}.` : `${field}: ${message}.`));
  turnTo(box.value, [], [element("p", { class: "error" }, words.join(" ") || `${problem.detail}.`)]);
}

function unreachable() {
  const again = element("button", { type: "button", class: "plain" }, "Try again");
  again.addEventListener("click", askAgain);
  const words = navigator.onLine ? "The server cannot be reached." : "You are offline.";
  turnTo(box.value, [], [element("p", { class: "error" }, `${words} Your question is kept. `, again)]);
}

function askAgain() {
  if (unanswered) ask(unanswered.question, unanswered);
}

function turnTo(question, results, troubles) {
  home.hidden = true;
  list.replaceChildren(...results);
  trouble.replaceChildren(...troubles);
  named(question);
}

function goHome() {
  latest++;
  asking?.abort();
  form.classList.remove("waiting");
  unanswered = null;
  list.replaceChildren();
  trouble.replaceChildren();
  home.hidden = false;
  status.textContent = "";
  named("");
}

// The page, and the links that narrow it, belong to this question now.
function named(question) {
  shown = question;
  document.title = question ? `${question} – Quotable` : "Quotable";
  for (const link of document.querySelectorAll("a[data-asks]")) {
    const target = new URL(link.href);
    question ? target.searchParams.set("q", question) : target.searchParams.delete("q");
    link.href = target;
  }
}

// What is typed has one address in the history, however many keys it took.
function remember(question, isTyped) {
  const target = address(question);
  const present = location.pathname + location.search;
  if (target !== present) history[typed ? "replaceState" : "pushState"](null, "", target);
  typed = isTyped;
}

box.addEventListener("input", (event) => {
  clearTimeout(pause);
  if (event.isComposing) return;
  const question = box.value.trim();
  if (!question) {
    remember("", true);
    goHome();
  } else if (question !== shown && [...question].length >= LEAST) {
    pause = setTimeout(() => {
      remember(question, true);
      ask(question, { typing: true });
    }, PAUSE);
  }
});

box.addEventListener("compositionend", () => box.dispatchEvent(new Event("input")));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(pause);
  const question = box.value.trim();
  if (!question) return;
  remember(question, false);
  ask(question);
});

list.addEventListener("submit", async (event) => {
  if (!event.target.matches(".feedback")) return;
  event.preventDefault();
  const said = new FormData(event.target, event.submitter);
  const results = said.get("results").split(" ").filter(Boolean);
  const given = { query: said.get("query"), helped: said.get("helped") === "yes", generation: Number(said.get("generation")), results };
  const sent = await fetch("/v1/feedback", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given),
  }).catch(() => null);
  const words = sent?.ok ? "Thank you. That was noted." : "That could not be noted just now.";
  event.target.replaceChildren(element("p", { role: "status", tabindex: "-1" }, words));
  event.target.firstChild.focus();
});

addEventListener("popstate", () => {
  clearTimeout(pause);
  const parts = new URLSearchParams(location.search);
  if (NARROWED_BY.some((key) => (parts.get(key) ?? "") !== (form.elements[key]?.value ?? ""))) {
    location.reload();
    return;
  }
  typed = false;
  box.value = parts.get("q") ?? "";
  const question = box.value.trim();
  question ? ask(question, { limit: Number(parts.get("limit")) || LIMIT }) : goHome();
});

addEventListener("online", askAgain);

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const inText = event.target.closest("input, textarea, select");
  if (event.key === "/" && !inText) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && (box.value || list.hasChildNodes())) {
    event.preventDefault();
    clear();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (!inText || inText === box)) {
    if (move(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
  }
});

function clear() {
  clearTimeout(pause);
  box.value = "";
  box.focus();
  remember("", false);
  goHome();
}

// The box, then the links that lead into documents, or the examples.
function move(step) {
  const links = [...document.querySelectorAll(home.hidden ? "#found .from a, #found h3 a" : "#home .examples a")];
  const stops = [box, ...links];
  const here = stops.indexOf(document.activeElement);
  const next = stops[here + step];
  if (here < 0 || !next) return false;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

document.querySelector(".keys").hidden = false;
