// A document: says when the passage that was linked to is gone, and copies words with where they stand.

import { day, place } from "./results.js";

const text = document.querySelector(".text");
const bar = document.querySelector(".copy");
const what = document.getElementById("what");
const copied = document.getElementById("copied");
const changed = document.getElementById("changed");
const { id, title, url, date, version } = text.dataset;

let chosen = null; // the range to copy

function linked() {
  return /^#p\d+$/.test(location.hash) ? document.getElementById(location.hash.slice(1)) : null;
}

function look() {
  const passage = linked();
  const gone = /^#p\d+$/.test(location.hash) && !passage;
  changed.textContent = gone ? "The passage that you were led to is no longer in this document: it has changed since." : "";
  const selection = getSelection();
  const selected = !selection.isCollapsed && text.contains(selection.anchorNode) && text.contains(selection.focusNode);
  chosen = null;
  if (selected) {
    chosen = selection.getRangeAt(0).cloneRange();
  } else if (passage) {
    chosen = document.createRange();
    chosen.selectNodeContents(passage);
  }
  what.textContent = selected ? "Copy the selected words" : "Copy the marked passage";
  bar.hidden = !chosen;
}

// The text on the page is the document's, character for character, so a place in one is a place in the other.
function quoted() {
  const before = document.createRange();
  before.setStart(text, 0);
  before.setEnd(chosen.startContainer, chosen.startOffset);
  const raw = chosen.toString();
  const quote = raw.trim();
  const start = [...before.toString()].length + [...raw.slice(0, raw.indexOf(quote))].length;
  const from = (chosen.startContainer.parentElement.closest(".piece") ?? linked())?.id ?? "";
  return { quote, start, end: start + [...quote].length, address: location.origin + place(id, from).replace(/#$/, "") };
}

const formats = {
  plain({ quote, address }) {
    return `“${quote}”\n${[title, day(date), url || address].filter(Boolean).join(", ")}`;
  },
  markdown({ quote, address }) {
    const source = `[${title.replace(/[\\[\]]/g, "\\$&")}](<${(url || address).replace(/[<>\s]/g, encodeURIComponent)}>)`;
    return `${quote.replace(/^/gm, "> ")}\n>\n> — ${[source, day(date)].filter(Boolean).join(", ")}`;
  },
  json({ quote, start, end, address }) {
    const source = { id, title, url: url || null, date: date || null, version };
    return JSON.stringify({ quote, document: source, start, end, address }, null, 2);
  },
};

async function write(words) {
  if (navigator.clipboard) return navigator.clipboard.writeText(words);
  // Where the page came over plain HTTP there is no other way.
  const field = document.createElement("textarea");
  field.value = words;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
}

bar.addEventListener("mousedown", (event) => event.preventDefault()); // else the selection goes with the click
bar.addEventListener("click", async (event) => {
  const format = event.target.dataset.as;
  if (!format || !chosen) return;
  try {
    await write(formats[format](quoted()));
    copied.textContent = "Copied.";
  } catch {
    copied.textContent = "This browser does not let pages copy; select the words and copy them yourself.";
  }
});

document.addEventListener("selectionchange", look);
addEventListener("hashchange", look);
look();
