// Turns: each question goes to the chat endpoint with those before it, and the reply is shown as it comes. The address holds the
// questions, so that reloading and sharing bring the conversation back.

import { day, element, outside, place } from "./results.js";

const SOURCES = "\n\nSources:\n"; // of a reply's text; the page shows them as links instead
const MOST = 20; // questions that an address can hold

const form = document.querySelector(".say");
const box = document.getElementById("q");
const turns = document.querySelector(".turns");
const trouble = document.getElementById("trouble");
const status = document.getElementById("status");
const button = form.querySelector("button");

const shown = [...turns.children].map((turn) => ({
  question: turn.querySelector(".asked").textContent,
  content: turn.querySelector(".reply").dataset.content,
}));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (question && !button.disabled) ask(question);
});

async function ask(question) {
  button.disabled = true;
  trouble.replaceChildren();
  const said = element("p", { class: "said" });
  const reply = element("div", { class: "reply", "aria-busy": "true" }, said);
  document.getElementById("latest")?.removeAttribute("id");
  const turn = element("li", { class: "turn", id: "latest" }, element("h2", { class: "asked" }, question), reply);
  turns.append(turn);
  turn.scrollIntoView({ block: "start" });
  box.value = "";
  try {
    const { content, annotations, notes } = await replyTo(question, (text) => said.append(text));
    reply.replaceWith(shownReply(content, annotations, notes));
    shown.push({ question, content });
    form.prepend(element("input", { type: "hidden", name: "q", value: question }));
    history.pushState(null, "", `/chat?${new URLSearchParams(shown.map((one) => ["q", one.question]))}`);
    form.querySelector(".over").hidden = false;
    status.textContent = content;
    turn.scrollIntoView({ block: "start" });
    if (shown.length >= MOST) location.reload(); // the page says that it is full
  } catch (error) {
    turn.remove();
    box.value = question;
    trouble.replaceChildren(element("p", { class: "error" }, error.message));
  } finally {
    button.disabled = false;
  }
}

async function replyTo(question, tell) {
  const messages = shown.flatMap((one) => [
    { role: "user", content: one.question },
    { role: "assistant", content: one.content },
  ]);
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model: "quotable", stream: true, messages: [...messages, { role: "user", content: question }] }),
  }).catch(() => {
    throw new Error(navigator.onLine ? "The server cannot be reached. Your question is kept." : "You are offline. Your question is kept.");
  });
  if (!response.ok) throw new Error(reason(await response.json().catch(() => null)));
  let content = "";
  let annotations = [];
  let notes = [];
  for await (const chunk of events(response.body)) {
    if (chunk.error) throw new Error(reason(chunk));
    const delta = chunk.choices[0]?.delta ?? {};
    if (delta.content) {
      content += delta.content;
      tell(delta.content);
    }
    annotations = delta.annotations ?? annotations;
    notes = chunk.grounding?.notes ?? notes;
  }
  return { content, annotations, notes };
}

function reason(problem) {
  return problem?.error?.message ?? problem?.detail ?? "Something went wrong; try again.";
}

// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (held + value).split("\n");
    held = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data: ") ? line.slice(6) : "";
      if (data === "[DONE]") return;
      if (data) yield JSON.parse(data);
    }
  }
}

function shownReply(content, annotations, notes) {
  const points = [...content]; // places are counted in code points
  const pieces = [];
  let position = 0;
  for (const annotation of annotations) {
    const { start_index: start, end_index: end } = annotation.url_citation;
    pieces.push(points.slice(position, start).join(""));
    pieces.push(element("a", { href: placeOf(annotation) }, points.slice(start, end).join("")));
    position = end;
  }
  const rest = points.slice(position).join("");
  pieces.push(annotations.length ? rest.split(SOURCES)[0] : rest);
  const sources = annotations.length ? element("ol", { class: "sources" }, annotations.map(source)) : null;
  const told = annotations.length ? notes.map((note) => element("p", { class: "note" }, note)) : [];
  const said = element("p", { class: "said" }, pieces.filter((piece) => piece !== ""));
  return element("div", { class: "reply", "data-content": content }, said, sources, told);
}

function placeOf({ document: { id }, passage_id: passage }) {
  return place(id, passage);
}

function source(annotation) {
  const { title, date, url } = annotation.document;
  return element(
    "li",
    null,
    element("span", { class: "number" }, `[${annotation.number}]`),
    " ",
    element("a", { href: placeOf(annotation) }, title),
    date ? [" ", element("time", { datetime: date }, day(date))] : null,
    outside(url) ? [" ", element("a", { href: outside(url), rel: "noreferrer" }, "Original page")] : null,
  );
}

addEventListener("popstate", () => location.reload());
