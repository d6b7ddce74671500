// Builds the markup of an answer's words, with the span marked, as quotes.py and templates/parts.html do on the server.
// Offsets count code points.

import { element } from "./elements.js";

export function quoteElement(quote) {
  const cells = rowCells(quote);
  if (cells.length) return element("blockquote", { dir: "auto" }, element("dl", null, cells.map(cellElement)));
  const leadIn = quote.lead_in ? element("p", { class: "lead-in" }, quote.lead_in) : null;
  return element("blockquote", { dir: "auto" }, leadIn, quoteBlocks(quote).map(blockElement));
}

function cellElement({ head, pieces }) {
  return element("div", null, element("dt", null, head), element("dd", null, pieces));
}

function blockElement({ tag, lines }) {
  if (tag === "p") return element("p", null, lines[0]);
  return element(tag, null, lines.map((pieces) => element("li", null, pieces)));
}

function quoteBlocks(quote) {
  const blocks = [];
  let position = quote.start;
  for (const { start, end } of quote.items) {
    blocks.push(...paragraph(quote, position, start));
    const tag = /^(\(?\d|step \d)/i.test(textBetween(quote, start, end)) ? "ol" : "ul";
    if (blocks.at(-1)?.tag !== tag) blocks.push({ tag, lines: [] });
    blocks.at(-1).lines.push(piecesBetween(quote, start, end));
    position = end;
  }
  return [...blocks, ...paragraph(quote, position, quote.end)];
}

function rowCells(quote) {
  if (quote.kind !== "row") return [];
  const heads = cellSpans(quote.lead_in);
  const cells = cellSpans(quote.text);
  if (heads.length !== cells.length) return [];
  const leadIn = [...quote.lead_in];
  return cells.map(([start, end], place) => ({
    head: leadIn.slice(...heads[place]).join(""),
    pieces: piecesBetween(quote, quote.start + start, quote.start + end),
  }));
}

function paragraph(quote, start, end) {
  const text = textBetween(quote, start, end);
  if (!text.trim()) return [];
  const begin = start + length(text) - length(text.trimStart());
  return [{ tag: "p", lines: [piecesBetween(quote, begin, begin + length(text.trim()))] }];
}

function piecesBetween(quote, start, end) {
  const within = (offset) => Math.min(Math.max(offset, start), end);
  const [first, last] = quote.span ? [within(quote.span.start), within(quote.span.end)] : [start, start];
  const [before, marked, after] = [textBetween(quote, start, first), textBetween(quote, first, last), textBetween(quote, last, end)];
  return [before || null, marked ? element("strong", null, marked) : null, after || null];
}

function cellSpans(row) {
  const enclosed = /^(\s*\|)(.*)\|\s*$/s.exec(row);
  let position = enclosed ? length(enclosed[1]) : 0;
  return (enclosed ? enclosed[2] : row).split("|").map((cell) => {
    const start = position + length(cell) - length(cell.trimStart());
    position += length(cell) + 1;
    return [start, start + length(cell.trim())];
  });
}

function textBetween(quote, start, end) {
  return [...quote.text].slice(start - quote.start, end - quote.start).join("");
}

function length(text) {
  return [...text].length;
}
