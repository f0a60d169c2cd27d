// The doctor's page: a log goes in by paste, drop or choice; the cause, its evidence and what to do come out.

import { call } from "./api.js";
import { copyable } from "./copyable.js";
import { element } from "./dom.js";
import { say, words } from "./words.js";

const find = (selector) => document.querySelector(selector);
const form = find("#doctor-form");
const HALF = 4 * 2 ** 20; // the server reads this much of either end
let reading = 0; // counts logs, so that a late answer to an older one is not shown

function start() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (find("#log").value.trim()) read(new Blob([find("#log").value]));
    else find("#log").focus();
  });
  find("#log").addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.requestSubmit());
  find("#log").addEventListener("input", () => (find("#file-name").textContent = ""));
  find("#file").addEventListener("change", (event) => event.target.files[0] && readFile(event.target.files[0]));
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", (event) => form.contains(event.relatedTarget) || form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files[0]) readFile(event.dataTransfer.files[0]);
    else if (event.dataTransfer.getData("text")) find("#log").value = event.dataTransfer.getData("text");
  });
}

function readFile(file) {
  find("#file-name").textContent = `${file.name} · ${bytes(file.size)}`;
  find("#log").value = "";
  read(file);
}

async function read(log) {
  const mine = ++reading;
  const isLong = log.size > 2 * HALF;
  const body = isLong ? new Blob([log.slice(0, HALF), log.slice(log.size - HALF - (log.size % 2))]) : log;
  find("#trouble").textContent = "";
  find("#result").hidden = true;
  find("#status").textContent = say("doctor_busy");
  find("#go").disabled = true;
  try {
    const found = await call("/api/doctor", { method: "POST", body, headers: { "content-type": "text/plain", accept: "application/json" } });
    if (mine === reading) show({ ...found, left_out_bytes: found.left_out_bytes + log.size - body.size });
  } catch (error) {
    if (mine === reading) find("#trouble").textContent = error.message;
  } finally {
    if (mine === reading) {
      find("#status").textContent = "";
      find("#go").disabled = false;
      find("#file").value = "";
    }
  }
}

function show(found) {
  find("#result").hidden = false;
  find("#result").replaceChildren(verdict(found));
  find("#result").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function verdict(found) {
  const { cause, wrapper, first_error: unknown } = found;
  if (cause) return card(found, cause, `doctor_cause_${cause.certainty}`, cause.certainty === "certain" ? "bad" : "unsure");
  if (wrapper) return card(found, wrapper, "doctor_wrapper", "unsure");
  if (unknown && !found.started) return plain(found, "doctor_unknown", "unsure", say("doctor_unknown_text"), evidence(found, unknown.line, unknown.text));
  if (!found.lines) return plain(found, "doctor_empty", "unsure");
  return plain(found, "doctor_fine", "good", found.started ? say("doctor_running") : "");
}

function card(found, finding, title, kind) {
  return element(
    "article",
    { class: `finding ${kind}` },
    element("p", { class: "kind" }, say(title)),
    element("h2", {}, finding.what),
    facts(found, finding),
    element("h3", {}, say("doctor_evidence")),
    evidence(found, finding.evidence.line, finding.evidence.text),
    ...(finding.fixes.length ? [element("h3", {}, say("doctor_fixes")), element("ol", { class: "fixes" }, ...finding.fixes.map(fix))] : []),
    finding.link ? element("p", { class: "more-link" }, `${say("doctor_link")}: `, element("a", { href: finding.link, rel: "noopener noreferrer" }, finding.link)) : "",
    ...also(found),
  );
}

function plain(found, title, kind, ...content) {
  return element("article", { class: `finding ${kind}` }, element("h2", {}, say(title)), facts(found, null), ...content, ...also(found));
}

function facts(found, finding) {
  const named = (prefix, name) => (words[`${prefix}_${name}`] ? say(`${prefix}_${name}`) : name);
  return element(
    "p",
    { class: "facts" },
    finding ? element("span", {}, `${say("doctor_stage")}: ${named("stage", finding.stage)}`) : "",
    found.alarm ? element("span", {}, `${say("doctor_came_to")}: ${named("came", found.step)}`) : "",
    element("span", {}, say("doctor_lines", { n: found.lines })),
    finding ? element("code", {}, finding.id) : "",
    found.earlier ? element("span", {}, say("doctor_earlier")) : "",
    found.left_out_bytes > 0 ? element("span", {}, say("doctor_left_out", { size: bytes(found.left_out_bytes) })) : "",
  );
}

/** The line that tells, among its neighbours where the server sent them. */
function evidence(found, number, text) {
  const lines = found.around.length ? found.around : [{ line: number, text }];
  return element("ol", { class: "log", tabindex: "0" }, ...lines.map((line) => element("li", { "data-line": line.line, class: line.line === number ? "evidence" : undefined }, line.text || " ")));
}

function fix(step) {
  return element("li", {}, step.why, step.run ? copyable(step.run) : "");
}

function also(found) {
  const folded = (title, findings) => element("details", {}, element("summary", {}, `${title} (${findings.length})`), element("ul", { class: "also" }, ...findings.map(alsoRow)));
  return [
    found.others.length ? folded(say("doctor_others"), found.others) : "",
    found.notes.length ? folded(say("doctor_notes"), found.notes) : "",
  ];
}

function alsoRow(finding) {
  return element("li", {}, finding.what, " ", element("small", {}, `${say("doctor_line", { n: String(finding.evidence.line) })} · ${finding.id}`));
}

function bytes(count) {
  return count < 1e6 ? `${Math.ceil(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

start();
