// Sources of an answer: a card for each passage found, and the markers in the text that point to them.

import { element } from "./dom.js";
import { excerpt, pieceNodes, pieces } from "./passage.js";
import { say } from "./words.js";

/** The address in the reader where a passage is shown and its answering sentences marked. */
export function passageUrl(kb, hit, question) {
  const marks = hit.highlights.map(([start, end]) => `${hit.start + start}-${hit.start + end}`).slice(0, 20);
  const query = new URLSearchParams({ start: hit.start, end: hit.end });
  if (marks.length) query.set("mark", marks.join(","));
  if (question.length <= 300) query.set("q", question);
  return `/kb/${encodeURIComponent(kb)}/documents/${encodeURIComponent(hit.document.id)}?${query}#passage`;
}

/** A marker for a source: a link to its passage, tied to its card while pointed at or focused. */
export function marker(kb, hit, question) {
  const label = say("source_label", { n: hit.number, title: titleOf(hit) });
  const link = element("a", { class: "cite", href: passageUrl(kb, hit, question), "data-source": hit.number, "aria-label": label, title: titleOf(hit) }, String(hit.number));
  for (const name of ["mouseenter", "focus"]) link.addEventListener(name, () => light(hit.number, true, true));
  for (const name of ["mouseleave", "blur"]) link.addEventListener(name, () => light(hit.number, false));
  return link;
}

/** The cards: cited sources first, other passages folded away below them. */
export function cards(kb, hits, cited, question) {
  const shown = cited ? hits.filter((hit) => cited.has(hit.number)) : hits;
  const others = cited ? hits.filter((hit) => !cited.has(hit.number)) : [];
  const nodes = shown.map((hit) => card(kb, hit, question));
  if (!others.length) return nodes;
  const summary = element("summary", {}, say("also_found", { n: others.length }));
  return [...nodes, element("details", { open: shown.length === 0 }, summary, ...others.map((hit) => card(kb, hit, question)))];
}

function card(kb, hit, question) {
  const path = [...hit.headings, hit.page ? say("page", { page: hit.page }) : ""].filter((each) => each && each !== titleOf(hit));
  const made = element(
    "section",
    { class: "card", "data-source": hit.number, "aria-label": say("source_label", { n: hit.number, title: titleOf(hit) }) },
    element(
      "div",
      { class: "card-head" },
      element("span", { class: "card-number" }, String(hit.number)),
      element("a", { class: "card-title", href: passageUrl(kb, hit, question), dir: "auto" }, titleOf(hit)),
    ),
    path.length ? element("p", { class: "card-path" }, path.join(" › ")) : "",
    score(hit.score),
    ...passage(hit, passageUrl(kb, hit, question)),
  );
  made.addEventListener("mouseenter", () => light(hit.number, true));
  made.addEventListener("mouseleave", () => light(hit.number, false));
  return made;
}

function passage(hit, url) {
  const all = pieces(hit.text, hit.highlights);
  const short = excerpt(all);
  const body = element("p", { class: "passage", dir: "auto" }, ...pieceNodes(short));
  const foot = element("div", { class: "card-foot" });
  if (short.map((piece) => piece.text).join("") !== all.map((piece) => piece.text).join("")) {
    const toggle = element("button", { type: "button", "aria-expanded": "false" }, say("show_all"));
    toggle.addEventListener("click", () => {
      const opens = toggle.getAttribute("aria-expanded") === "false";
      toggle.setAttribute("aria-expanded", String(opens));
      toggle.textContent = say(opens ? "show_less" : "show_all");
      body.replaceChildren(...pieceNodes(opens ? all : short));
    });
    foot.append(toggle);
  }
  foot.append(element("a", { href: url }, say("open_in_document")));
  return [body, foot];
}

function score(value) {
  const share = Math.min(1, Math.max(0, value));
  const text = say("match", { percent: String(Math.round(share * 100)) });
  const fill = element("span");
  fill.style.setProperty("--score", String(share));
  return element("p", { class: "score", title: text }, element("span", { class: "bar", "aria-hidden": "true" }, fill), text);
}

function light(number, on, bringsIntoView = false) {
  document.querySelectorAll(`[data-source="${number}"]`).forEach((each) => each.classList.toggle("lit", on));
  const target = document.querySelector(`.card[data-source="${number}"]`);
  const column = document.querySelector("#sources");
  if (on && bringsIntoView && target && column.scrollHeight > column.clientHeight) {
    const away = target.getBoundingClientRect().top - column.getBoundingClientRect().top;
    if (away < 0 || away > column.clientHeight - 80) column.scrollBy({ top: away - 24, behavior: "smooth" });
  }
}

function titleOf(hit) {
  return hit.document.title || hit.document.name;
}

/** The answer and its sources as Markdown, for the clipboard. */
export function asMarkdown(answer) {
  const sources = answer.citations.map((hit) => {
    const place = [...hit.headings, hit.page ? say("page", { page: hit.page }) : ""].filter(Boolean).join(" › ");
    return `[${hit.number}] ${titleOf(hit)}${place ? ` — ${place}` : ""}`;
  });
  return [answer.text.trim(), sources.join("\n")].filter(Boolean).join("\n\n");
}
