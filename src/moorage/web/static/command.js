// The check of a command line: remarks, the mended line, and what it will use of each card.

import { call } from "./api.js";
import { copyable } from "./copyable.js";
import { element } from "./dom.js";
import { bars, legend } from "./memory.js";
import { reckoning } from "./services.js";
import { say } from "./words.js";

const find = (selector) => document.querySelector(selector);
const form = find("#check-form");
const SIGNS = { error: "✗", warning: "!", note: "·" };
let checking = 0; // counts commands, so that a late answer to an older one is not shown

form.addEventListener("submit", (event) => {
  event.preventDefault();
  check();
});
find("#command").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || find("#command").value.trimEnd().endsWith("\\")) return;
  event.preventDefault();
  form.requestSubmit();
});

async function check() {
  const mine = ++checking;
  const json = { command: form.elements.command.value };
  for (const name of ["version", "gpus"]) if (form.elements[name].value.trim()) json[name] = form.elements[name].value.trim();
  find("#trouble").textContent = "";
  find("#status").textContent = say("check_busy");
  find("#go").disabled = true;
  try {
    const checked = await call("/api/model/check", { method: "POST", json });
    if (mine === checking) show(checked);
  } catch (error) {
    if (mine !== checking) return;
    find("#result").hidden = true;
    find("#trouble").textContent = error.message;
  } finally {
    if (mine === checking) {
      find("#status").textContent = "";
      find("#go").disabled = false;
    }
  }
}

function show(checked) {
  find("#result").hidden = false;
  find("#result").replaceChildren(verdict(checked), ...memory(checked.forecast));
}

function verdict(checked) {
  return element(
    "article",
    { class: `checked ${checked.runs ? "good" : "bad"}` },
    element("p", { class: "kind" }, say("check_at", { version: checked.version })),
    element("h2", {}, say(checked.runs ? "check_runs" : "check_mended")),
    element("h3", {}, say(checked.runs ? "check_same" : "check_result")),
    copyable(checked.line),
    ...(checked.remarks.length ? [element("h3", {}, say("check_remarks")), element("ul", { class: "remarks-list" }, ...checked.remarks.map(remark))] : []),
  );
}

function remark(each) {
  const title = say(`weight_${each.weight}`);
  return element("li", {}, element("span", { class: `sign ${each.weight}`, title, role: "img", "aria-label": title }, SIGNS[each.weight]), element("span", {}, each.text));
}

function memory(forecast) {
  if (!forecast) return [];
  const notices = element("ul", { class: "notices" }, ...forecast.notices.map((notice) => element("li", {}, notice.text)));
  const head = element("div", { class: "section-head" }, element("h2", {}, say("check_memory")));
  if (!forecast.service) return [element("section", { class: "memory" }, head, notices)];
  head.append(element("ul", { class: "legend" }, ...legend(forecast.cards, [forecast.service])));
  const why = element("details", { class: "why" }, element("summary", {}, say("plan_why")), reckoning(forecast.service.explanation));
  return [element("section", { class: "memory" }, head, notices, ...bars(forecast.cards, [forecast.service]), why)];
}
