// What an answer looks like: the same as templates/parts.html makes on the server; tests hold the two together.
// Texts enter as text nodes, addresses only where they are http or https.

const MONTHS = "January February March April May June July August September October November December".split(" ");
const WORDS = {
  likely: "Likely the answer",
  closest: "Closest found",
  none: "Not in these documents",
  nothing: "Not in these documents",
};
const REASONS = {
  none: "Nothing here answers that. The nearest passages are below; they may be about something else.",
  nothing: "No passage comes near that.",
};
const ADVICE = [
  "Try words that the documents would use.",
  "Ask about one thing at a time.",
  "If it should be here, tell whoever keeps these documents that it is missing.",
];

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function verdict(body, sure) {
  if (body.answer) return body.confidence >= sure ? "likely" : "closest";
  return body.results.length ? "none" : "nothing";
}

// For those who do not see the page change.
export function summary(body, sure) {
  const count = body.results.length;
  const passages = count === 1 ? "1 passage" : `${count} passages`;
  const words = WORDS[verdict(body, sure)];
  return body.answer ? `${words}: ${body.answer.text} ${passages}.` : `${words}. ${body.answer ? "" : "Nearest: "}${passages}.`;
}

export function found(body, { sure, more, asks }) {
  const made = [];
  if (body.rewritten_query) made.push(element("p", { class: "note" }, `Read as “${body.rewritten_query}”.`));
  if (body.notice) made.push(element("p", { class: "note" }, body.notice));
  const kind = verdict(body, sure);
  made.push(body.answer ? answer(kind, body.results[0]) : noAnswer(kind));
  if (asks) made.push(feedback(body));
  if (body.results.length) {
    made.push(element("h2", null, body.answer ? "Passages" : "Nearest passages"));
    made.push(element("ol", { class: "results" }, body.results.map(result)));
    if (more) made.push(element("p", { class: "more" }, element("a", { target: "_self", href: more }, "Show more passages")));
  }
  return made;
}

function answer(kind, from) {
  const shown = slots(from);
  return element(
    "section",
    { class: `answer ${kind}`, "aria-labelledby": "verdict" },
    element("h2", { id: "verdict" }, WORDS[kind]),
    element("blockquote", null, shown.quote),
    element("p", { class: "from" }, element("a", { href: shown.place }, shown.title)),
    meta(shown),
    kind === "closest"
      ? element("p", { class: "advice" }, "This is the nearest that was found. Read it in its place before you rely on it.")
      : null,
    links(shown),
  );
}

function noAnswer(kind) {
  return element(
    "section",
    { class: `answer ${kind}`, "aria-labelledby": "verdict" },
    element("h2", { id: "verdict" }, WORDS[kind]),
    element("p", null, REASONS[kind]),
    element("ul", { class: "advice" }, ADVICE.map((advice) => element("li", null, advice))),
  );
}

function feedback(body) {
  const hidden = { query: body.query, generation: body.generation, results: body.results.map(({ id }) => id).join(" ") };
  return element(
    "form",
    { class: "feedback", action: "/feedback", method: "post", target: "_self" },
    Object.entries(hidden).map(([name, value]) => element("input", { type: "hidden", name, value })),
    element("p", null, "Did this answer it?"),
    element("button", { name: "helped", value: "yes" }, "Yes"),
    element("button", { name: "helped", value: "no" }, "No"),
  );
}

function result(one) {
  const shown = slots(one);
  return element(
    "li",
    { class: "result" },
    element("h3", null, element("a", { href: shown.place }, shown.title)),
    meta(shown),
    element("p", { class: "passage" }, shown.before, element("mark", null, shown.quote), shown.after),
    links(shown),
  );
}

function meta(shown) {
  const parts = [
    shown.path ? element("span", null, shown.path) : null,
    shown.page ? element("span", null, shown.page) : null,
    shown.date ? element("time", { datetime: shown.date }, shown.day) : null,
  ];
  return parts.some(Boolean) ? element("p", { class: "meta" }, parts) : null;
}

function links(shown) {
  return element(
    "p",
    { class: "links" },
    element("a", { href: shown.place }, "Show in document"),
    shown.outside ? element("a", { href: shown.outside, rel: "noreferrer" }, "Original page") : null,
  );
}

function slots(one) {
  const [mark] = one.highlights;
  const text = [...one.text]; // places are counted in code points
  const first = mark.start - one.start;
  const last = mark.end - one.start;
  return {
    place: place(one.document.id, one.id),
    title: one.document.title,
    path: one.headings.join(" › "),
    page: one.page ? `page ${one.page}` : "",
    date: one.document.date ?? "",
    day: day(one.document.date),
    outside: outside(one.url),
    before: text.slice(0, first).join(""),
    quote: text.slice(first, last).join(""),
    after: text.slice(last).join(""),
  };
}

export function place(id, passage) {
  const escaped = (part) =>
    encodeURIComponent(part).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return `/d/${id.split("/").map(escaped).join("/")}#${passage}`;
}

export function outside(url) {
  return url && /^https?:\/\/\S+$/i.test(url) ? url : "";
}

export function day(date) {
  const [year, month, number] = (date ?? "").slice(0, 10).split("-");
  return MONTHS[month - 1] && Number(number) ? `${Number(number)} ${MONTHS[month - 1]} ${year}` : (date ?? "");
}
