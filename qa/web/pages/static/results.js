// Builds an answer's markup as templates/parts.html does on the server; a browser test compares the two.
// Links to original pages must be http or https.

import { element } from "./elements.js";
import { _ } from "./language.js";
import { quoteElement } from "./quote.js";

const MONTHS = "January February March April May June July August September October November December".split(" ");
// As in qa/web/schemas/addresses.py.
const VERSION_DIGITS = 12;
const DEFAULT_COLLECTION = "default";
const EDGE_WORDS = 4;
const LIST_MARK = /^(?:[-*•–·]|\(?\d{1,3}[.)])\s+/;

export function verdict(body, likelyConfidence) {
  if (body.answer) return answerKind(body.answer, likelyConfidence);
  return body.results.length ? "none" : "nothing";
}

function answerKind(answer, likelyConfidence) {
  return answer.confidence >= likelyConfidence ? "likely" : "closest";
}

// For screen readers.
export function summary(body, { likelyConfidence, texts }) {
  const count = body.results.length;
  const passages = count === 1 ? _("1 passage") : _("{count} passages", { count });
  const label = texts.labels[verdict(body, likelyConfidence)];
  if (!body.answer) return `${label}. ${_("Nearest: {passages}.", { passages })}`;
  const { lead_in: leadIn, text } = body.answer;
  return `${label}: ${leadIn ? `${leadIn} ${text}` : text} ${passages}.`;
}

export function answerArea(body, { likelyConfidence, texts, more, feedbackForm, uncorrected }) {
  const parts = [];
  const instead = () => [" ", element("a", { target: "_self", href: uncorrected }, _("Search for “{query}” instead", { query: body.query }))];
  if (body.rewritten_query) {
    parts.push(element("p", { class: "note" }, _("Searched for “{query}”.", { query: body.rewritten_query }), ...(body.corrected ? instead() : [])));
  }
  if (body.read_as) {
    parts.push(element("p", { class: "note" }, _("Also searched for “{query}”.", { query: body.read_as }), ...(body.corrected ? [] : instead())));
  }
  if (body.notice) parts.push(element("p", { class: "note" }, body.notice));
  const kind = verdict(body, likelyConfidence);
  parts.push(body.answer ? firstAnswer(kind, body.answer, texts) : noAnswer(kind, body, texts));
  if (body.answers.length > 1) parts.push(otherAnswers(body.answers.slice(1), likelyConfidence, texts));
  if (feedbackForm) parts.push(feedback(body));
  if (body.results.length) {
    parts.push(element("h2", null, body.answer ? _("Passages") : _("Nearest passages")));
    parts.push(element("ol", { class: "results" }, body.results.map((one) => result(one, texts))));
    if (more) parts.push(element("p", { class: "more" }, element("a", { target: "_self", href: more }, _("Show more passages"))));
  }
  return parts;
}

function firstAnswer(kind, answer, texts) {
  const fields = sourceFields(answer);
  return element(
    "section",
    { class: `answer ${kind}`, "aria-labelledby": "verdict" },
    element("h2", { id: "verdict" }, texts.labels[kind]),
    quote(answer, fields),
    kind === "closest" ? element("p", { class: "advice" }, texts.caution) : null,
    links(fields),
  );
}

function otherAnswers(answers, likelyConfidence, texts) {
  return element(
    "section",
    { class: "others", "aria-labelledby": "others" },
    element("h2", { id: "others" }, answers.length > 1 ? _("Other answers") : _("Another answer")),
    element("ul", null, answers.map((answer) => otherAnswer(answerKind(answer, likelyConfidence), answer, texts))),
  );
}

function otherAnswer(kind, answer, texts) {
  const fields = sourceFields(answer);
  return element("li", { class: kind }, element("h3", null, texts.labels[kind]), quote(answer, fields));
}

function quote(answer, fields) {
  return [
    quoteElement(answer),
    answer.more ? element("p", { class: "more-items" }, element("a", { href: fields.address }, _("and {count} more", { count: answer.more }))) : null,
    element("p", { class: "source-link" }, element("a", { href: fields.address }, fields.title)),
    meta(fields),
  ];
}

function noAnswer(kind, { missing, stop_answer: stopAnswer }, texts) {
  return element(
    "section",
    { class: `answer ${kind}`, "aria-labelledby": "verdict" },
    element("h2", { id: "verdict" }, texts.labels[kind]),
    missing.length ? element("p", null, _("These documents say nothing about {names}.", { names: alternatives(missing) })) : null,
    stopAnswer ? element("p", { class: "stop-answer", dir: "auto" }, stopAnswer) : null,
    element("p", null, texts.reasons[kind]),
    element("ul", { class: "advice" }, texts.advice.map((advice) => element("li", null, advice))),
  );
}

function alternatives(names) {
  const last = names.at(-1);
  return names.length > 1 ? _("{others} or {last}", { others: names.slice(0, -1).join(", "), last }) : last;
}

function feedback(body) {
  const hidden = { query: body.query, generation: body.generation, results: body.results.map(({ id }) => id).join(" ") };
  return element(
    "form",
    { class: "feedback", action: "/feedback", method: "post", target: "_self" },
    Object.entries(hidden).map(([name, value]) => element("input", { type: "hidden", name, value })),
    element("p", null, _("Did this answer your question?")),
    element("button", { name: "helped", value: "yes" }, _("Yes")),
    element("button", { name: "helped", value: "no" }, _("No")),
  );
}

function result(one, texts) {
  const fields = resultFields(one);
  return element(
    "li",
    { class: "result" },
    one.pinned ? element("p", { class: "chosen" }, texts.chosen) : null,
    element("h3", null, element("a", { href: fields.address }, fields.title)),
    meta(fields),
    element("p", { class: "passage", dir: "auto" }, fields.before, element("mark", null, fields.quote), fields.after),
    links(fields),
  );
}

function meta(fields) {
  const parts = [
    fields.collection ? element("span", null, fields.collection) : null,
    fields.path ? element("span", null, fields.path) : null,
    fields.page ? element("span", null, fields.page) : null,
    fields.note ? element("span", null, fields.note) : null,
    fields.date ? element("time", { datetime: fields.date }, fields.day) : null,
  ];
  return parts.some(Boolean) ? element("p", { class: "meta" }, parts) : null;
}

function links(fields) {
  return element(
    "p",
    { class: "links" },
    element("a", { href: fields.address }, _("Show in document")),
    fields.image ? element("a", { href: fields.image }, _("Show page")) : null,
    fields.original ? element("a", { href: fields.original, rel: "noreferrer" }, _("Original page")) : null,
  );
}

function sourceFields(source) {
  return {
    address: quoteAddress(source.document.id, source.document.version, source.start, source.end),
    title: source.document.title,
    collection: source.document.collection === DEFAULT_COLLECTION ? "" : source.document.collection,
    path: source.headings.join(" › "),
    page: source.page ? _("page {number}", { number: source.page }) : "",
    image: source.page_url ?? "",
    note: source.document.note ?? "",
    date: source.document.date ?? "",
    day: formatDate(source.document.date),
    original: withTextFragment(httpUrl(source.url), source.text),
  };
}

function resultFields(one) {
  const [mark] = one.highlights;
  const text = [...one.text]; // offsets count code points
  const first = mark.start - one.start;
  const last = mark.end - one.start;
  const quoted = text.slice(first, last).join("");
  return {
    ...sourceFields({ ...one, ...mark, text: quoted }),
    before: text.slice(0, first).join(""),
    quote: quoted,
    after: text.slice(last).join(""),
  };
}

export function quoteAddress(id, version, start, end) {
  const query = new URLSearchParams({ start, end, version: version.replace(/^sha256:/, "").slice(0, VERSION_DIGITS) });
  const escaped = (part) =>
    encodeURIComponent(part).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `/d/${id.split("/").map(escaped).join("/")}?${query}#quote`;
}

// The words that a browser is to mark on the page at the URL, as qa/web/schemas/addresses.py adds them.
export function withTextFragment(url, text) {
  const pieces = text.split(/[\n|]/).map((part) => part.trim().replace(LIST_MARK, "").split(/\s+/).filter(Boolean));
  const kept = pieces.filter((words) => words.length);
  if (!url || !kept.length) return url;
  const [first, last] = [kept[0], kept.at(-1)];
  const encoded = (words) => encodeURIComponent(words.join(" ")).replace(/-/g, "%2D");
  const whole = kept.length === 1 && first.length <= 2 * EDGE_WORDS;
  const words = whole ? encoded(first) : `${encoded(first.slice(0, EDGE_WORDS))},${encoded(last.slice(-EDGE_WORDS))}`;
  return `${url}${url.includes("#") ? "" : "#"}:~:text=${words}`;
}

export function httpUrl(url) {
  return url && /^https?:\/\/\S+$/i.test(url) ? url : "";
}

export function formatDate(date) {
  const [year, month, number] = (date ?? "").slice(0, 10).split("-");
  return MONTHS[month - 1] && Number(number) ? _("{day} {month} {year}", { day: Number(number), month: _(MONTHS[month - 1]), year }) : (date ?? "");
}
