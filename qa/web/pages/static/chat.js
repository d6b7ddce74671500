// Sends each question with the conversation to the chat endpoint and shows the reply as it streams. The address holds the
// questions, so that a conversation can be reloaded and shared.

import { element } from "./elements.js";
import { _ } from "./language.js";
import { formatDate, httpUrl, quoteAddress, withTextFragment } from "./results.js";

const SOURCES = "\n\nSources:\n"; // in a reply's text; the page shows links instead

const form = document.querySelector(".chat-form");
const box = document.getElementById("q");
const turns = document.querySelector(".turns");
const errors = document.getElementById("errors");
const status = document.getElementById("status");
const button = form.querySelector("button");

const conversation = [...turns.children].map((turn) => ({
  question: turn.querySelector(".question").textContent,
  content: turn.querySelector(".reply").dataset.content,
}));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (question && !button.disabled) ask(question);
});

async function ask(question) {
  button.disabled = true;
  errors.replaceChildren();
  const text = element("p", { class: "reply-text" });
  const reply = element("div", { class: "reply", "aria-busy": "true" }, text);
  document.getElementById("latest")?.removeAttribute("id");
  const turn = element("li", { class: "turn", id: "latest" }, element("h2", { class: "question" }, question), reply);
  turns.append(turn);
  turn.scrollIntoView({ block: "start" });
  box.value = "";
  try {
    const { content, annotations, notes } = await replyTo(question, (delta) => text.append(delta));
    reply.replaceWith(replyElement(content, annotations, notes));
    conversation.push({ question, content });
    form.prepend(element("input", { type: "hidden", name: "q", value: question }));
    history.pushState(null, "", `/chat?${new URLSearchParams(conversation.map((one) => ["q", one.question]))}`);
    form.querySelector(".restart").hidden = false;
    status.textContent = content;
    turn.scrollIntoView({ block: "start" });
    if (conversation.length >= Number(form.dataset.mostQuestions)) location.reload(); // shows that the conversation is full
  } catch (error) {
    turn.remove();
    box.value = question;
    errors.replaceChildren(element("p", { class: "error" }, error.message));
  } finally {
    button.disabled = false;
  }
}

async function replyTo(question, onText) {
  const messages = conversation.flatMap((one) => [
    { role: "user", content: one.question },
    { role: "assistant", content: one.content },
  ]);
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model: "quotable", stream: true, messages: [...messages, { role: "user", content: question }] }),
  }).catch(() => {
    throw new Error(`${navigator.onLine ? _("The server cannot be reached.") : _("You are offline.")} ${_("Your question is kept.")}`);
  });
  if (!response.ok) throw new Error(errorText(await response.json().catch(() => null)));
  let content = "";
  let annotations = [];
  let notes = [];
  for await (const chunk of events(response.body)) {
    if (chunk.error) throw new Error(errorText(chunk));
    const delta = chunk.choices[0]?.delta ?? {};
    if (delta.content) {
      content += delta.content;
      onText(delta.content);
    }
    annotations = delta.annotations ?? annotations;
    notes = chunk.grounding?.notes ?? notes;
  }
  return { content, annotations, notes };
}

function errorText(problem) {
  return problem?.error?.message ?? problem?.detail ?? _("Something went wrong; try again.");
}

// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data: ") ? line.slice(6) : "";
      if (data === "[DONE]") return;
      if (data) yield JSON.parse(data);
    }
  }
}

function replyElement(content, annotations, notes) {
  const points = [...content]; // offsets count code points
  const pieces = [];
  let position = 0;
  for (const annotation of annotations) {
    const { start_index: start, end_index: end } = annotation.url_citation;
    pieces.push(points.slice(position, start).join(""));
    pieces.push(element("a", { href: sourceAddress(annotation) }, points.slice(start, end).join("")));
    position = end;
  }
  const rest = points.slice(position).join("");
  pieces.push(annotations.length ? rest.split(SOURCES)[0] : rest);
  const sources = annotations.length ? element("ol", { class: "sources" }, annotations.map(source)) : null;
  const noteElements = annotations.length ? notes.map((note) => element("p", { class: "note" }, note)) : [];
  const text = element("p", { class: "reply-text" }, pieces.filter((piece) => piece !== ""));
  return element("div", { class: "reply", "data-content": content }, text, sources, noteElements);
}

function sourceAddress({ document: { id, version }, start, end }) {
  return quoteAddress(id, version, start, end);
}

function source(annotation) {
  const { title, date, url } = annotation.document;
  return element(
    "li",
    null,
    element("span", { class: "number" }, `[${annotation.number}]`),
    " ",
    element("a", { href: sourceAddress(annotation) }, title),
    date ? [" ", element("time", { datetime: date }, formatDate(date))] : null,
    annotation.page_url ? [" ", element("a", { href: annotation.page_url }, _("Show page"))] : null,
    httpUrl(url) ? [" ", element("a", { href: withTextFragment(httpUrl(url), annotation.quote), rel: "noreferrer" }, _("Original page"))] : null,
  );
}

addEventListener("popstate", () => location.reload());
