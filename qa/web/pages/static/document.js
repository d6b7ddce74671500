// The document page: reports a missing passage, and copies text with its citation.

import { _ } from "./language.js";
import { formatDate, quoteAddress } from "./results.js";

const text = document.querySelector(".text");
const copyBar = document.querySelector(".copy");
const copyLabel = document.getElementById("copy-label");
const copyStatus = document.getElementById("copy-status");
const marks = text.querySelectorAll("mark");
const missingPassage = document.getElementById("missing-passage");
const { id, title, url, date, version } = text.dataset;

const changed = missingPassage.textContent; // since the linked quote was copied

let copyRange = null;

function linkedPassage() {
  return /^#p\d+$/.test(location.hash) ? document.getElementById(location.hash.slice(1)) : null;
}

function update() {
  const passage = linkedPassage();
  const gone = /^#p\d+$/.test(location.hash) && !passage;
  missingPassage.textContent = gone ? _("The linked passage is no longer in this document, which has changed since.") : changed;
  const selection = getSelection();
  const selected = !selection.isCollapsed && text.contains(selection.anchorNode) && text.contains(selection.focusNode);
  copyRange = null;
  if (selected) {
    copyRange = selection.getRangeAt(0).cloneRange();
  } else if (marks.length) {
    copyRange = document.createRange();
    copyRange.setStartBefore(marks[0]);
    copyRange.setEndAfter(marks[marks.length - 1]);
  } else if (passage) {
    copyRange = document.createRange();
    copyRange.selectNodeContents(passage);
  }
  copyLabel.textContent = selected ? _("Copy the selection") : marks.length ? _("Copy the quote") : _("Copy the highlighted passage");
  copyBar.hidden = !copyRange;
}

// The page holds the document's text character for character, so the offsets are the same.
function quoteToCopy() {
  const before = document.createRange();
  before.setStart(text, 0);
  before.setEnd(copyRange.startContainer, copyRange.startOffset);
  const raw = copyRange.toString();
  const quote = raw.trim();
  const start = [...before.toString()].length + [...raw.slice(0, raw.indexOf(quote))].length;
  const end = start + [...quote].length;
  return { quote, start, end, address: location.origin + quoteAddress(id, version, start, end) };
}

const formats = {
  plain({ quote, address }) {
    return `“${quote}”\n${[title, formatDate(date), url || address].filter(Boolean).join(", ")}`;
  },
  markdown({ quote, address }) {
    const source = `[${title.replace(/[\\[\]]/g, "\\$&")}](<${(url || address).replace(/[<>\s]/g, encodeURIComponent)}>)`;
    return `${quote.replace(/^/gm, "> ")}\n>\n> — ${[source, formatDate(date)].filter(Boolean).join(", ")}`;
  },
  json({ quote, start, end, address }) {
    const source = { id, title, url: url || null, date: date || null, version };
    return JSON.stringify({ quote, document: source, start, end, address }, null, 2);
  },
};

async function writeToClipboard(words) {
  if (navigator.clipboard) return navigator.clipboard.writeText(words);
  // Over plain HTTP browsers offer no clipboard API.
  const field = document.createElement("textarea");
  field.value = words;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
}

copyBar.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the selection
copyBar.addEventListener("click", async (event) => {
  const format = event.target.dataset.as;
  if (!format || !copyRange) return;
  try {
    await writeToClipboard(formats[format](quoteToCopy()));
    copyStatus.textContent = _("Copied.");
  } catch {
    copyStatus.textContent = _("This browser does not allow pages to copy. Select the text and copy it yourself.");
  }
});

document.addEventListener("selectionchange", update);
addEventListener("hashchange", update);
update();
