// The ask page: sends the question, shows the answer as it is written, and its sources beside it.

import { send } from "./api.js";
import { asMarkdown, cards, marker } from "./cards.js";
import { copyText, element, icon } from "./dom.js";
import * as earlier from "./earlier.js";
import { markdown } from "./markdown.js";
import { events } from "./sse.js";
import { say } from "./words.js";

const find = (selector) => document.querySelector(selector);
const main = find("#main");
const form = find("#ask-form");
const field = find("#question");

const LONGEST_IN_ADDRESS = 500;
let running = null; // the AbortController of the question being answered
let asking = 0; // counts questions, so that a late piece of an older one is not shown

function start() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("keydown", (event) => {
    const isEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
    if (isEnter) {
      event.preventDefault();
      submit();
    }
  });
  field.addEventListener("input", grow);
  find("#stop").addEventListener("click", stop);
  find("#forget").addEventListener("click", () => {
    earlier.forget();
    listEarlier();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && running && stop());
  document.querySelectorAll("button.example").forEach((button) => button.addEventListener("click", () => ask(button.textContent)));
  find("select#kb")?.addEventListener("change", (event) => location.assign(`/?kb=${encodeURIComponent(event.target.value)}`));
  window.addEventListener("popstate", showAddress);
  listEarlier();
  showAddress();
}

function submit() {
  const question = field.value.trim();
  if (question) ask(question);
  else field.focus();
}

function stop() {
  running?.abort();
}

/** Shows what the address says: a question and its answer, or the empty page. */
function showAddress() {
  const question = new URLSearchParams(location.search).get("q")?.trim();
  if (!question) return showStart();
  const known = earlier.find(form.dataset.kb, question);
  field.value = question;
  grow();
  if (known) showKnown(known);
  else ask(question, false);
}

function showStart() {
  stop();
  asking++;
  main.classList.remove("has-result");
  find("#result").hidden = true;
  find("#start").hidden = false;
  if (matchMedia("(pointer: fine)").matches) field.focus();
}

function showKnown(answer) {
  stop();
  asking++;
  clear(answer.question);
  showHits(answer.hits, answer.question);
  finish(answer);
}

async function ask(question, changesAddress = true) {
  stop();
  const mine = ++asking;
  const controller = new AbortController();
  running = controller;
  field.value = question;
  grow();
  if (changesAddress) putInAddress(question);
  clear(question);
  busy(true);
  const heard = { text: "", hits: [], answer: null };
  try {
    await listen(question, controller, heard, () => mine === asking);
  } catch (error) {
    if (mine === asking) failed(error, question, heard);
  } finally {
    if (mine === asking) {
      running = null;
      busy(false);
    }
  }
}

async function listen(question, controller, heard, isCurrent) {
  const url = `/api/kb/${encodeURIComponent(form.dataset.kb)}/ask`;
  const json = { question, stream: true, language: form.dataset.language };
  const response = await send(url, { method: "POST", json, signal: controller.signal });
  for await (const event of events(response)) {
    if (!isCurrent()) return;
    if (event.type === "hits") {
      heard.hits = event.hits;
      showHits(event.hits, question);
      announce(say("status_writing"));
    } else if (event.type === "text") {
      heard.text += event.text;
      drawSoon(heard, question, isCurrent);
    } else if (event.type === "answer") {
      heard.answer = event.answer;
    } else if (event.type === "error") {
      throw new Error(event.error.message);
    }
  }
  if (!heard.answer) throw new Error(say("cut_off"));
  finish(heard.answer);
  earlier.remember(form.dataset.kb, heard.answer);
  listEarlier();
}

function failed(error, question, heard) {
  const stopped = error.name === "AbortError";
  const sentence = stopped ? say("status_stopped") : error instanceof TypeError ? say("cut_off") : error.message;
  if (heard.text) draw(heard.text, heard.hits, question);
  const retry = element("button", { type: "button", class: "button", id: "retry" }, icon("retry"), say("retry"));
  retry.addEventListener("click", () => ask(question, false));
  find("#trouble").replaceChildren(element("span", {}, sentence), retry);
  announce(sentence);
}

function clear(question) {
  main.classList.add("has-result");
  find("#start").hidden = true;
  find("#result").hidden = false;
  find("#result").classList.add("unsourced");
  find("#sources").hidden = true;
  find("#answer").classList.remove("not-said");
  find("#asked").textContent = question;
  for (const part of ["#trouble", "#text", "#notices", "#answer-foot", "#cards"]) find(part).replaceChildren();
  document.title = `${question.slice(0, 60)} · Moorage`;
}

function busy(isBusy) {
  find("#answer").classList.toggle("busy", isBusy);
  find("#text").setAttribute("aria-busy", String(isBusy));
  const loses = isBusy ? find("#ask") : find("#stop");
  if (document.activeElement === loses) field.focus(); // a hidden button cannot keep the focus
  find("#stop").hidden = !isBusy;
  find("#ask").hidden = isBusy;
  find("#keys").hidden = isBusy;
  find("#stop-keys").hidden = !isBusy;
  if (isBusy) announce(say("status_searching"));
}

function announce(sentence) {
  find("#status").textContent = sentence;
}

function showHits(hits, question, cited = null) {
  find("#sources").hidden = hits.length === 0;
  find("#result").classList.toggle("unsourced", hits.length === 0);
  find("#cards").replaceChildren(...cards(form.dataset.kb, hits, cited, question));
}

let waiting = false;
function drawSoon(heard, question, isCurrent) {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (isCurrent() && !heard.answer) draw(heard.text, heard.hits, question);
  });
}

function draw(text, hits, question) {
  const known = new Map(hits.map((hit) => [hit.number, hit]));
  const cite = (number) => known.has(number) && marker(form.dataset.kb, known.get(number), question);
  find("#text").replaceChildren(markdown(text, (number) => cite(number) || undefined));
}

function finish(answer) {
  draw(answer.text, answer.hits, answer.question);
  const cited = new Set(answer.citations.map((hit) => hit.number));
  showHits(answer.hits, answer.question, answer.found ? cited : null);
  find("#sources-title").textContent = say(answer.found ? "sources" : "closest");
  if (!answer.found) showNotFound(answer);
  const notices = answer.notices.filter((notice) => notice.code !== "extractive"); // the line under the question says that already
  find("#notices").replaceChildren(...notices.map((notice) => element("li", {}, notice.text)));
  find("#answer-foot").replaceChildren(...footer(answer));
  announce(answer.found ? say("status_done", { n: answer.citations.length }) : say("not_found"));
}

function showNotFound(answer) {
  find("#answer").classList.add("not-said");
  const text = answer.text.trim();
  const explains = answer.model && text.length > 40; // shorter, it only repeats the heading in its own words
  const panel = element("div", { class: "not-found" }, element("strong", {}, say("not_found")), element("p", {}, explains ? text : say("not_found_advice")));
  find("#text").replaceChildren(panel);
}

function footer(answer) {
  const seconds = say("seconds", { seconds: answer.seconds.toFixed(answer.seconds < 1 ? 2 : 1) });
  const again = element("button", { type: "button", class: "quiet", id: "again" }, icon("retry"), say("ask_again"));
  again.addEventListener("click", () => ask(answer.question, false));
  const copy = element("button", { type: "button", class: "quiet", id: "copy" }, icon("copy"), say("copy"));
  copy.addEventListener("click", async () => {
    await copyText(asMarkdown(answer));
    copy.replaceChildren(icon("check"), say("copied"));
    setTimeout(() => copy.replaceChildren(icon("copy"), say("copy")), 1500);
  });
  const by = answer.model ?? (answer.found ? say("extractive") : "");
  return [by && element("span", {}, by), element("span", {}, seconds), element("span", { class: "answer-tools" }, again, copy)].filter(Boolean);
}

function listEarlier() {
  const kept = earlier.all().filter((each) => each.kb === form.dataset.kb);
  find("#earlier").hidden = kept.length === 0;
  const links = kept.map(({ answer }) => {
    const link = element("a", { class: "example", href: address(answer.question), dir: "auto" }, answer.question);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      putInAddress(answer.question);
      field.value = answer.question;
      grow();
      showKnown(answer);
      scrollTo({ top: 0 });
    });
    return element("li", {}, link);
  });
  find("#earlier ul").replaceChildren(...links);
}

function address(question) {
  const query = new URLSearchParams({ kb: form.dataset.kb });
  if (question.length <= LONGEST_IN_ADDRESS) query.set("q", question);
  return `/?${query}`;
}

function putInAddress(question) {
  if (address(question) !== location.pathname + location.search) history.pushState(null, "", address(question));
}

function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

if (form) start();
