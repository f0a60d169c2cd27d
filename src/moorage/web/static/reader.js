// The reader: brings the cited sentence into view, and shows where the document was cut into chunks.

import { call } from "./api.js";
import { element } from "./dom.js";
import { say } from "./words.js";

const text = document.querySelector("#document");
const INSIDE = "div.cited, .table-wide";
const OUTERMOST = `#document > [data-start], #document > :is(${INSIDE}) > [data-start], #document > div.cited > .table-wide > [data-start]`;

function showPassage(behavior) {
  const target = text.querySelector("#sentence, mark.sentence") ?? text.querySelector("#passage, .cited");
  target?.scrollIntoView({ block: "center", behavior });
}

async function showChunks(box) {
  text.querySelectorAll(".chunk-border").forEach((border) => border.remove());
  if (!box.checked) return;
  const { kb, id } = text.dataset;
  try {
    const { parents } = await call(`/api/kb/${encodeURIComponent(kb)}/chunks?document=${encodeURIComponent(id)}`);
    if (box.checked) parents.forEach((parent, i) => markBorder(parent, i + 1));
  } catch (error) {
    box.checked = false;
    box.parentElement.title = error.message;
  }
}

/** A line before the block in which the chunk begins. */
function markBorder(parent, number) {
  const blocks = text.querySelectorAll(OUTERMOST);
  const found = [...blocks].find((block) => Number(block.dataset.end) > parent.start);
  if (!found || Number(found.dataset.start) >= parent.end) return;
  const label = [say("chunk_number", { n: number }), parent.headings.at(-1) ?? ""].filter(Boolean).join(" · ");
  const border = element("div", { class: "chunk-border" }, label);
  (found.closest(".table-wide") ?? found).before(border);
}

if (text) {
  if (location.hash === "#passage" || (!location.hash && new URLSearchParams(location.search).has("start"))) showPassage("instant");
  document.querySelector("#to-passage")?.addEventListener("click", (event) => {
    event.preventDefault();
    showPassage("smooth");
  });
  const box = document.querySelector("#chunks");
  box?.addEventListener("change", () => showChunks(box));
}
