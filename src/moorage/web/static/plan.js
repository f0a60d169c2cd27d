// The plan page: models and cards go in, bars, a table, reasons and commands come out. The address holds what was asked.

import { call } from "./api.js";
import { element } from "./dom.js";
import { bars, legend, size } from "./memory.js";
import { refusal, serviceCard, serviceTable } from "./services.js";
import { say } from "./words.js";

const find = (selector) => document.querySelector(selector);
const form = find("#plan-form");
const rows = find("#models");
const FIELDS = ["model", "name", "context", "users", "tp", "max_seqs", "kv_cache_dtype"];
const COUNTS = new Set(["context", "users", "tp", "max_seqs"]);
const MODELS_SHOWN = 8;
let planning = 0; // counts plans, so that a late answer to an older one is not shown

function start() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.pushState(null, "", `/plan?${address()}`);
    plan();
  });
  find("#add-model").addEventListener("click", () => addRow().querySelector("input").focus());
  rows.addEventListener("click", (event) => event.target.closest(".remove") && removeRow(event.target.closest(".model-row")));
  form.querySelectorAll("[data-gpus]").forEach((chip) => chip.addEventListener("click", () => chooseCards(chip.dataset.gpus)));
  window.addEventListener("popstate", showAddress);
  showAddress();
  listModels();
  lookAtCards();
}

function chooseCards(text) {
  form.elements.gpus.value = text;
  if (rows.querySelector("input").value.trim()) form.requestSubmit();
}

function addRow() {
  rows.append(find("#model-row").content.cloneNode(true));
  find("#add-model").hidden = rows.children.length >= Number(form.dataset.most);
  return rows.lastElementChild;
}

function removeRow(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  if (!next) return;
  row.remove();
  find("#add-model").hidden = false;
  next.querySelector("input").focus();
}

/** What is asked, as the address says it: each row has all of its fields, so that they stay together. */
function address() {
  const query = new URLSearchParams();
  for (const row of rows.children) for (const name of FIELDS) query.append(name, field(row, name).value.trim());
  for (const name of ["gpus", "vllm"]) if (form.elements[name].value.trim()) query.append(name, form.elements[name].value.trim());
  return query;
}

function field(row, name) {
  return row.querySelector(`[name="${name}"]`);
}

function showAddress() {
  const query = new URLSearchParams(location.search);
  const models = query.getAll("model").slice(0, Number(form.dataset.most));
  while (rows.children.length < models.length) addRow();
  while (rows.children.length > Math.max(models.length, 1)) rows.lastElementChild.remove();
  [...rows.children].forEach((row, i) => {
    for (const name of FIELDS) field(row, name).value = query.getAll(name)[i] ?? "";
    row.querySelector(".more").open = ["tp", "max_seqs", "kv_cache_dtype"].some((name) => field(row, name).value);
  });
  for (const name of ["gpus", "vllm"]) form.elements[name].value = query.get(name) ?? "";
  if (models.some(Boolean)) plan();
  else show(null);
}

/** The body of the request: what is left empty is for the plan to choose. */
function asked() {
  const services = [...rows.children].map((row) => {
    const said = FIELDS.map((name) => [name, field(row, name).value.trim()]).filter(([, value]) => value);
    return Object.fromEntries(said.map(([name, value]) => [name, COUNTS.has(name) ? Number(value) : value]));
  });
  const body = { services: services.filter((service) => service.model) };
  for (const name of ["gpus", "vllm"]) if (form.elements[name].value.trim()) body[name] = form.elements[name].value.trim();
  return body;
}

async function plan() {
  const mine = ++planning;
  find("#trouble").textContent = "";
  busy(true);
  try {
    const made = await call("/api/plan", { method: "POST", json: asked() });
    if (mine === planning) show(made);
  } catch (error) {
    if (mine !== planning) return;
    show(null);
    find("#trouble").textContent = error.message;
  } finally {
    if (mine === planning) busy(false);
  }
}

function busy(isBusy) {
  find("#status").textContent = isBusy ? say("plan_busy") : "";
  find("#go").disabled = isBusy;
  find("#result").setAttribute("aria-busy", String(isBusy));
}

function show(made) {
  find("#result").hidden = !made;
  if (!made) return;
  const { services, refused, cards } = made;
  const all = services.length + refused.length;
  const verdict = made.is_whole ? say("plan_whole", { n: all }) : say("plan_partly", { n: services.length, all });
  find("#verdict").replaceChildren(verdict, element("span", { class: "small" }, say("plan_for", { version: made.vllm })));
  find("#refused").replaceChildren(...refused.map(refusal));
  find("#cards").replaceChildren(...bars(cards, services));
  find("#legend").replaceChildren(...legend(cards, services));
  find("#services").hidden = services.length === 0;
  find("#table").replaceChildren(serviceTable(services));
  find("#notices").replaceChildren(...made.notices.map((notice) => element("li", {}, notice.text)));
  find("#details").replaceChildren(...services.map(serviceCard));
}

/** The models that can be named: all of them while typing, a few to click on. */
async function listModels() {
  const { models } = await call("/api/model").catch(() => ({ models: [] }));
  find("#known-models").replaceChildren(...models.map((name) => element("option", { value: name })));
  const chips = models.slice(0, MODELS_SHOWN).map((name) => element("button", { type: "button", class: "chip", onclick: () => chooseModel(name) }, name));
  find("#models-here").replaceChildren(...(chips.length ? [element("span", {}, say("plan_models_here")), ...chips] : []));
}

/** Puts a model into the first row that has none. */
function chooseModel(name) {
  const empty = [...rows.children].find((row) => !field(row, "model").value.trim()) ?? (find("#add-model").hidden ? rows.lastElementChild : addRow());
  field(empty, "model").value = name;
  field(empty, "context").focus();
}

async function lookAtCards() {
  const { gpus } = await call("/api/plan/gpus").catch(() => ({ gpus: null }));
  if (!gpus) return;
  form.elements.gpus.required = gpus.length === 0;
  if (!gpus.length) {
    find("#gpus-here").textContent = say("plan_gpus_none");
    return;
  }
  const cards = gpus.map((card) => say("plan_free", { name: card.name, size: size(card.total_bytes - card.used_bytes) })).join(" + ");
  const chip = element("button", { type: "button", class: "chip", onclick: () => chooseCards("") }, say("plan_gpus_here", { cards }));
  find("#gpus-here").replaceChildren(chip);
  form.elements.gpus.placeholder = say("check_gpus_hint");
}

start();
