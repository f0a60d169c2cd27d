// The memory of cards as bars: who takes what of each, and what for.

import { element } from "./dom.js";
import { say, words } from "./words.js";

const GIB = 2 ** 30;
const NARROW = 0.055; // of the card; a narrower part has no room for its size
// How the parts are gathered: what is small beside the others is shown with what it is most like.
const KINDS = {
  weights: "weights",
  cache: "cache",
  activation: "activation",
  vision: "activation",
  recurrent_workspace: "activation",
  workspace: "activation",
  lora: "weights",
  graphs: "graphs",
  margin: "context",
};
const ORDER = ["others", "weights", "cache", "activation", "graphs", "context", "spare"];

/** The kind of a part, which decides its colour. */
export function kindOf(part) {
  return KINDS[part] ?? "context";
}

/** Bytes as people read them. */
export function size(bytes) {
  if (Math.abs(bytes) < GIB / 10) return `${Math.round(bytes / 2 ** 20)} MiB`;
  return `${(bytes / GIB).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} GiB`;
}

/** What a part is called. */
export function partName(part) {
  return words[`part_${part}`] ? say(`part_${part}`) : part;
}

/** A bar for each card. `services` know the parts of their shares by name. */
export function bars(cards, services) {
  const parts = new Map(services.map((service) => [service.name, gathered(service.parts)]));
  return cards.map((card) => bar(card, parts));
}

/** The colours that appear, with their names. */
export function legend(cards, services) {
  const there = new Set(services.filter((service) => service.gpus.length).flatMap((service) => service.parts.map((part) => kindOf(part.name))));
  if (cards.some((card) => isForeign(card.parts[0], services))) there.add("others");
  there.add("spare");
  return ORDER.filter((kind) => there.has(kind)).map((kind) => element("li", { class: kind }, say(`part_${kind}`)));
}

function isForeign(part, services) {
  return part?.name === "others" && !services.some((service) => service.name === "others");
}

function gathered(parts) {
  const kinds = new Map();
  for (const part of parts) kinds.set(kindOf(part.name), (kinds.get(kindOf(part.name)) ?? 0) + part.bytes);
  return ORDER.filter((kind) => kinds.has(kind)).map((kind) => ({ kind, bytes: kinds.get(kind) }));
}

function bar(card, parts) {
  const shares = card.parts.map((part) => ({ name: part.name, bytes: part.bytes, parts: parts.get(part.name) ?? [{ kind: "others", bytes: part.bytes }] }));
  const label = (share) => (parts.has(share.name) ? share.name : say("part_others"));
  if (card.spare_bytes > 0) shares.push({ name: "", bytes: card.spare_bytes, parts: [{ kind: "spare", bytes: card.spare_bytes }] });
  const spoken = shares.map((share) => `${share.name ? label(share) : say("part_spare")} ${size(share.bytes)}${detail(share)}`).join("; ");
  const drawn = element("div", { class: "bar", role: "img", "aria-label": `GPU ${card.index}, ${card.name}: ${spoken}` });
  for (const share of shares) drawn.append(shareNode(share, share.name ? label(share) : "", card.total_bytes));
  const caption = element(
    "figcaption",
    {},
    element("strong", {}, `GPU ${card.index}`),
    element("span", {}, card.name),
    element("span", {}, say("plan_of_card", { used: size(card.used_bytes), total: size(card.total_bytes) })),
    element("span", { class: "spare-size" }, say("plan_spare", { size: size(card.spare_bytes) })),
  );
  return element("figure", { class: "gpu" }, caption, drawn);
}

function detail(share) {
  if (share.parts.length < 2) return "";
  return ` (${share.parts.map((part) => `${say(`part_${part.kind}`)} ${size(part.bytes)}`).join(", ")})`;
}

function shareNode(share, name, total) {
  const segments = share.parts.map((part) => {
    const title = [name, `${say(`part_${part.kind}`)} ${size(part.bytes)}`].filter(Boolean).join(": ");
    const text = part.bytes / total >= NARROW ? (part.bytes / GIB).toFixed(1) : "";
    return grown(element("span", { class: `segment ${part.kind}`, title }, text), part.bytes);
  });
  const node = element("div", { class: "share" }, element("div", { class: "segments" }, ...segments), element("span", { class: "share-name", title: name }, name));
  return grown(node, share.bytes);
}

/** Widths are set by script, as the page's policy allows no styles in its text. */
function grown(node, bytes) {
  node.style.flexGrow = String(Math.max(bytes / 2 ** 20, 1));
  return node;
}
