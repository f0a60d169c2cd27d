// A document beside its chunks: pointing at one shows the other, and chunks are edited one step at a time over the HTTP API.
// Offsets count characters as the server does (code points), not UTF-16 units as strings here do.

import { call } from "./api.js";
import { element } from "./dom.js";
import { say } from "./words.js";

const editor = document.querySelector("#editor");
const said = document.querySelector("#said");
const api = `/api/kb/${encodeURIComponent(editor.dataset.kb)}`;
const SENTENCE = /[。！？；…]+["”’」』）]*|[.!?;]["')\]]*(?=\s)/gu;
let busy = false;

const count = (text) => [...text].length;
const textOf = (child) => child.querySelector("pre.words").textContent;
const range = (node) => [Number(node.dataset.start), Number(node.dataset.end)];

/** Where a border may well stand in a text: at line breaks, and after sentences outside tables. In characters, without both ends. */
function stops(text) {
  const found = new Set();
  let at = 0;
  for (const line of text.split("\n")) {
    found.add(count(text.slice(0, at)));
    if (!line.startsWith("|")) for (const match of line.matchAll(SENTENCE)) found.add(count(text.slice(0, at + match.index + match[0].length)));
    at += line.length + 1;
  }
  const length = count(text.trimEnd());
  return [...found].filter((stop) => stop > 0 && stop < length).sort((a, b) => a - b);
}

// Edits

async function edit(kind, chunk, more = {}) {
  if (busy) return false;
  busy = true;
  editor.setAttribute("aria-busy", "true");
  try {
    const state = editor.querySelector(".sides").dataset.state;
    await call(`${api}/edit`, { method: "POST", json: { document: editor.dataset.id, kind, chunk, state, ...more } });
    tell(say("edit_saved"));
    return true;
  } catch (error) {
    tell(error.message, true);
    return false;
  } finally {
    busy = false;
    editor.removeAttribute("aria-busy");
  }
}

/** Makes an edit and shows the chunks as they are then, with the focus where it was. */
async function change(kind, chunk, more = {}, focus = { at: 0, action: "" }) {
  const isDone = await edit(kind, chunk, more);
  // After a refusal too: the chunks may have been changed by someone else.
  await refresh();
  const near = childAt(focus.at) ?? editor.querySelector(".child");
  const button = focus.action && (focus.isBorder ? near?.nextElementSibling : near)?.querySelector(`[data-action="${focus.action}"]`);
  (button || near)?.focus({ preventScroll: true });
  if (near) point(near, false);
  return isDone;
}

function tell(text, isBad = false) {
  said.textContent = text;
  said.classList.toggle("bad", isBad);
}

async function refresh() {
  const url = new URL(location.href);
  url.searchParams.set("fragment", "1");
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) return tell(say("offline"), true);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const scrolled = editor.querySelector(".side-text")?.scrollTop ?? 0;
  editor.replaceChildren(...[...fresh.body.childNodes].map((node) => document.adoptNode(node)));
  const side = editor.querySelector(".side-text");
  if (side) side.scrollTop = scrolled;
}

const children = () => [...editor.querySelectorAll(".child")];
const childAt = (offset) => children().find((child) => range(child)[1] > offset);

/** The children on both sides of a row of border buttons; the second is undefined at the end of this part of the document. */
function beside(border) {
  const all = [...editor.querySelectorAll(".child, .border")];
  const at = all.indexOf(border);
  return [all[at - 1], all[at + 1]];
}

function moveBorder(border, isUp, action) {
  const [before, behind] = beside(border);
  const side = isUp ? before : behind;
  const found = side ? stops(textOf(side)) : [];
  if (!found.length) return tell(say(side ? "border_stuck" : "border_elsewhere"), true);
  const at = range(side)[0] + (isUp ? found.at(-1) : found[0]);
  return change("border", before.dataset.chunk, { at }, { at: range(before)[0], action, isBorder: true });
}

// Editing the words of one chunk

function open(child) {
  const words = child.querySelector(".words");
  const field = element("textarea", { class: "words", dir: "auto", "aria-label": say("edit") });
  const original = textOf(child);
  const [start] = range(child);
  field.value = original;
  const tools = child.querySelector(".child-tools");
  const button = (word, kind, act) => element("button", { type: "button", class: kind, onclick: act }, say(word));
  const cut = (act) => () => (field.value === original ? act(count(original.slice(0, field.selectionStart))) : tell(say("save_first"), true));
  const close = () => {
    field.replaceWith(words);
    bar.replaceWith(tools);
    child.querySelector("[data-action=edit]").focus();
  };
  const save = () => (field.value === original ? close() : saveWords(child, field));
  const bar = element(
    "p",
    { class: "child-tools" },
    button("save", "button primary", save),
    button("split_here", "button", cut((at) => change("split", child.dataset.chunk, { at }, { at: start }))),
    button("rest_to_next", "button", cut((at) => change("border", child.dataset.chunk, { at: start + at }, { at: start }))),
    button("cancel", "quiet", close),
  );
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  words.replaceWith(field);
  tools.replaceWith(bar);
  field.focus();
}

/** What was typed stays in the field when it is refused. */
async function saveWords(child, field) {
  if (!(await edit("text", child.dataset.chunk, { text: field.value }))) return;
  const [start] = range(child);
  await refresh();
  childAt(start)?.querySelector("[data-action=edit]")?.focus({ preventScroll: true });
}

async function reset() {
  const dialog = document.querySelector("#reset-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "reset") return;
  try {
    const job = await call(`${api}/reset`, { method: "POST", json: { document: editor.dataset.id } });
    tell(say("step_reading"));
    await finished(job.id);
  } catch (error) {
    return tell(error.message, true);
  }
  await refresh();
}

async function finished(id) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { jobs } = await call(`${api}/jobs`);
    const job = jobs.find((each) => each.id === id);
    if (!job || job.state === "done") return tell(say("state_done"));
    if (job.state === "failed") throw new Error(job.reason);
  }
}

// Pointing

/** Marks the part of the document that a chunk holds, and brings it into view. */
function point(child, scroll = true) {
  const [start, end] = range(child);
  const blocks = [...editor.querySelectorAll(".side-text [data-start]")].filter((block) => !block.querySelector("[data-start]"));
  let first;
  for (const block of blocks) {
    const [from, to] = range(block);
    const isIn = from < end && to > start;
    block.classList.toggle("lit", isIn);
    if (isIn) first ??= block;
  }
  const pane = editor.querySelector(".side-text");
  if (!scroll || !first || !pane) return;
  const at = first.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  if (at < 0 || at > pane.clientHeight - 80) pane.scrollBy({ top: at - 60, behavior: "smooth" });
}

const ACTIONS = {
  edit: (child) => open(child),
  up: (border) => moveBorder(border, true, "up"),
  down: (border) => moveBorder(border, false, "down"),
  merge: (border) => change("merge", beside(border)[0].dataset.chunk, {}, { at: range(beside(border)[0])[0] }),
  merge_parents: (border) => change("merge_parents", beside(border)[0].dataset.chunk, {}, { at: range(beside(border)[0])[0] }),
  split_parent: (border) => change("split_parent", beside(border)[1].dataset.chunk, {}, { at: range(beside(border)[0])[0] }),
  off: (chunk) => change("off", chunk.dataset.chunk, {}, { at: range(chunk)[0], action: "on" }),
  on: (chunk) => change("on", chunk.dataset.chunk, {}, { at: range(chunk)[0], action: "off" }),
};

editor.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) return ACTIONS[button.dataset.action](button.closest(".child, .border, .parent"));
  if (event.target.closest("#reset")) return reset();
  const block = event.target.closest(".side-text [data-start]");
  if (!block || event.target.closest("a")) return;
  const child = childAt(range(block)[0]);
  if (!child) return;
  children().forEach((each) => each.classList.toggle("lit", each === child));
  child.scrollIntoView({ block: "center", behavior: "smooth" });
  point(child, false);
});
for (const what of ["pointerover", "focusin"]) {
  editor.addEventListener(what, (event) => {
    const child = event.target.closest(".child");
    if (child && !child.classList.contains("pointed")) {
      editor.querySelector(".pointed")?.classList.remove("pointed");
      child.classList.add("pointed");
      point(child);
    }
  });
}
