// A small, safe Markdown for answers: paragraphs, headings, lists, quotes, tables, code, bold, emphasis, links. Text stays text.

import { element } from "./dom.js";

/** The Markdown as nodes. `cite(number)` makes the node for a marker `[number]`, or returns undefined to leave it as text. */
export function markdown(text, cite = () => undefined) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(text.replace(/\r\n?/g, "\n").split("\n"), cite, 0));
  return fragment;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(\s+)(.*)$/;
const QUOTE = /^ {0,3}> ?/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const DIVIDER = /^ *\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?\s*)?$/;
const DEEPEST = 8;

function blocks(lines, cite, depth) {
  const made = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = block(lines, at, cite, depth);
    if (node) made.push(node);
    at = next;
  }
  return made;
}

function block(lines, at, cite, depth) {
  const line = lines[at];
  if (!line.trim()) return [undefined, at + 1];
  if (FENCE.test(line)) return code(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [element(`h${Math.min(6, heading[1].length + 2)}`, {}, ...inline(heading[2], cite)), at + 1];
  if (RULE.test(line)) return [element("hr"), at + 1];
  if (depth < DEEPEST && QUOTE.test(line)) return quote(lines, at, cite, depth);
  if (depth < DEEPEST && ITEM.test(line)) return list(lines, at, cite, depth);
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "")) return table(lines, at, cite);
  return paragraph(lines, at, cite);
}

function code(lines, at) {
  const [, fence] = FENCE.exec(lines[at]);
  const closes = (line) => line.trim().startsWith(fence) && /^[`~\s]+$/.test(line);
  let end = at + 1;
  while (end < lines.length && !closes(lines[end])) end++;
  return [element("pre", { tabindex: 0 }, element("code", {}, lines.slice(at + 1, end).join("\n"))), end + 1];
}

function quote(lines, at, cite, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [element("blockquote", {}, ...blocks(inside, cite, depth + 1)), end];
}

function list(lines, at, cite, depth) {
  const [, lead, bullet] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(bullet);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const found = ITEM.exec(lines[end]);
    if (found && found[1].length <= lead.length + 1) {
      if (/\d/.test(found[2]) !== ordered) break;
      items.push([found[4]]);
    } else if (lines[end].trim() && /^\s/.test(lines[end])) {
      items.at(-1).push(lines[end].replace(new RegExp(`^ {1,${lead.length + bullet.length + 1}}`), ""));
    } else if (!lines[end].trim() && (/^\s+\S/.test(lines[end + 1] ?? "") || ITEM.test(lines[end + 1] ?? ""))) {
      items.at(-1).push("");
    } else break;
    end++;
  }
  const start = ordered && Number.parseInt(bullet, 10) !== 1 ? Number.parseInt(bullet, 10) : undefined;
  return [element(ordered ? "ol" : "ul", { start }, ...items.map((item) => listItem(item, cite, depth))), end];
}

function listItem(lines, cite, depth) {
  const inside = blocks(lines, cite, depth + 1);
  const tight = inside[0]?.tagName === "P" ? [...inside[0].childNodes, ...inside.slice(1)] : inside;
  return element("li", {}, ...tight);
}

function table(lines, at, cite) {
  const width = cells(lines[at]).length;
  const row = (line, tag) => element("tr", {}, ...cells(line).slice(0, width).map((cell) => element(tag, {}, ...cellNodes(cell, cite))));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end++;
  const body = lines.slice(at + 2, end).map((line) => row(line, "td"));
  const made = element("table", {}, element("thead", {}, row(lines[at], "th")), element("tbody", {}, ...body));
  return [element("div", { class: "table-wide", tabindex: 0 }, made), end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function cellNodes(cell, cite) {
  return cell.split(/<br\s*\/?>/i).flatMap((line, i) => [...(i ? [element("br")] : []), ...inline(line, cite)]);
}

function paragraph(lines, at, cite) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) end++;
  return [element("p", {}, ...inline(lines.slice(at, end).map((line) => line.trim()).join("\n"), cite)), end];
}

function startsBlock(lines, at) {
  const line = lines[at];
  return FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || ITEM.test(line) || (line.includes("|") && DIVIDER.test(lines[at + 1] ?? ""));
}

// One alternative for each thing that can stand inside a line; whatever matches none is text.
const INLINE = new RegExp(
  [
    String.raw`(?<code>(?<ticks>\`+)(?!\`)(?<inside>[\s\S]+?)(?<!\`)\k<ticks>(?!\`))`,
    String.raw`(?<escape>\\[\\\`*_{}[\]()#+\-.!|~<>])`,
    String.raw`(?<image>!\[[^\]]*\]\([^)\s]*\))`,
    String.raw`(?<cite>\[(?<number>\d{1,3})\](?!\())`,
    String.raw`(?<link>\[(?<label>[^\[\]]+)\]\((?<url>https?://[^\s()<>]+)\))`,
    String.raw`(?<strong>\*\*(?=\S)(?<bold>[\s\S]+?)(?<=\S)\*\*(?!\*))`,
    String.raw`(?<em>(?<![\w*])\*(?=[^\s*])(?<italic>[^*\n]+?)(?<=\S)\*(?!\*))`,
  ].join("|"),
  "g",
);

function inline(text, cite) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) nodes.push(text.slice(at, match.index));
    nodes.push(...spanNodes(match[0], match.groups, cite));
    at = match.index + match[0].length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function spanNodes(whole, found, cite) {
  if (found.code) return [element("code", {}, found.inside.replace(/^ (.*\S.*) $/s, "$1"))];
  if (found.escape) return [found.escape[1]];
  if (found.cite) return [cite(Number(found.number)) ?? whole];
  if (found.link) return [element("a", { href: found.url, rel: "noopener noreferrer nofollow" }, ...inline(found.label, cite))];
  if (found.strong) return [element("strong", {}, ...inline(found.bold, cite))];
  if (found.em) return [element("em", {}, ...inline(found.italic, cite))];
  return [whole];
}
