// A found passage as readable text with the answering sentences marked: its Markdown signs are taken away, never interpreted.

import { element } from "./dom.js";
import { words } from "./words.js";

const SHORT = 360;
const BEFORE = 120;
const WIDE = /[\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]/; // a Chinese character takes the place of two letters and says as much

/** The passage as `{marked, text}` pieces without Markdown signs. `highlights` are [start, end) ranges in `text`. */
export function pieces(text, highlights) {
  const made = [];
  let at = 0;
  for (const [start, end] of merged(highlights, text.length)) {
    if (start > at) made.push({ marked: false, text: text.slice(at, start) });
    made.push({ marked: true, text: text.slice(start, end) });
    at = end;
  }
  if (at < text.length) made.push({ marked: false, text: text.slice(at) });
  return made.map((piece, i) => ({ ...piece, text: plain(piece.text, i === 0) })).filter((piece) => piece.text.trim() !== "");
}

/** As many pieces as a card shows at first: from a little before the first mark. */
export function excerpt(all) {
  const short = [];
  const first = Math.max(0, all.findIndex((piece) => piece.marked));
  let left = all.some((piece) => WIDE.test(piece.text)) ? SHORT / 2 : SHORT;
  all.slice(Math.max(0, first - 1)).forEach((piece, i) => {
    if (left <= 0) return;
    let text = piece.text;
    if (i === 0 && first > 0) text = tail(text, first > 1);
    if (text.length > left) text = `${text.slice(0, Math.max(left, 40)).trimEnd()} …`;
    left -= text.length;
    short.push({ ...piece, text });
  });
  return short;
}

/** Pieces as nodes. */
export function pieceNodes(some) {
  return some.map((piece) => (piece.marked ? element("mark", {}, piece.text) : document.createTextNode(piece.text)));
}

function tail(text, cutBefore) {
  if (text.length <= BEFORE) return cutBefore ? `… ${text}` : text;
  const from = text.length - BEFORE;
  const sentence = text.slice(from).search(/(?<=[。！？\n])|(?<=[.!?]\s)/);
  return `… ${text.slice(sentence >= 0 && sentence < BEFORE - 20 ? from + sentence : from).trimStart()}`;
}

function merged(ranges, length) {
  const sorted = ranges.map(([start, end]) => [Math.max(0, start), Math.min(length, end)]).filter(([start, end]) => start < end);
  sorted.sort((a, b) => a[0] - b[0]);
  const made = [];
  for (const range of sorted) {
    const last = made.at(-1);
    if (last && range[0] <= last[1]) last[1] = Math.max(last[1], range[1]);
    else made.push(range);
  }
  return made;
}

function plain(text, isFirst) {
  const lineStart = isFirst ? /(^|\n) {0,3}(?:#{1,6} +|> ?)/g : /(\n) {0,3}(?:#{1,6} +|> ?)/g;
  return text
    .replace(/^ *\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?$\n?/gm, "")
    .replace(/!\[[^\]]*\]\([^)\s]*\)/g, `[${words.image ?? "image"}]`)
    .replace(/\[([^\]]+)\]\((?:[^)\s]*)\)/g, "$1")
    .replace(/<br\s*\/?>/gi, " ")
    .replace(lineStart, "$1")
    .replace(/(^|\n)( *)[-*+] +/g, "$1$2• ")
    .replace(/(^|\n)(?:```|~~~)[^\n]*/g, "$1")
    .replace(/\*\*|`/g, "")
    .replace(/(^|\n) *\| */g, "$1")
    .replace(/ *\| *(?=\n|$)/g, "")
    .replace(/ *(?<!\\)\| */g, "  ·  ")
    .replace(/\\([\\`*_{}[\]()#+\-.!|~<>])/g, "$1")
    .replace(/\n{2,}/g, "\n");
}
