// The document list: uploads with their progress, the jobs that read them, retry and delete.

import { call, reasonIn } from "./api.js";
import { element, icon } from "./dom.js";
import { say, words } from "./words.js";

const find = (selector) => document.querySelector(selector);
const drop = find("#drop");
const kb = drop.dataset.kb;
const api = `/api/kb/${encodeURIComponent(kb)}`;
const POLL_FIRST_MS = 250; // then ever slower, so that a long job costs little and a short one is seen at once
const POLL_LAST_MS = 1500;
const AT_ONCE = 2;

// Uploads

const queue = [];
let sending = 0;

function addFiles(files) {
  for (const file of files) {
    const bar = element("progress", { max: 1, value: 0, "aria-label": file.name });
    const step = element("span", { class: "job-step" }, say("state_waiting"));
    const row = element("li", { class: "job upload" }, element("span", { class: "job-name", dir: "auto" }, file.name), bar, step);
    find("#uploads").append(row);
    queue.push({ file, bar, step, row });
  }
  find("#jobs").hidden = false;
  sendNext();
}

function sendNext() {
  while (sending < AT_ONCE && queue.length) {
    sending++;
    const upload = queue.shift();
    send(upload)
      .then(() => upload.row.remove())
      .catch((error) => showRefused(upload, error))
      .finally(() => {
        sending--;
        sendNext();
        pollNow();
      });
  }
}

function send({ file, bar, step }) {
  // XMLHttpRequest, not fetch: it is the one that tells how much was sent.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${api}/add`);
    request.setRequestHeader("accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      step.textContent = say("upload_sending", { percent: String(Math.round(bar.value * 100)) });
    });
    request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(new Error(reasonIn(request.responseText, request.status)))));
    request.addEventListener("error", () => reject(new Error(say("offline"))));
    const body = new FormData();
    body.append("file", file, file.name);
    request.send(body);
  });
}

function showRefused(upload, error) {
  upload.row.classList.add("failed");
  const retry = element("button", { type: "button", class: "button" }, icon("retry"), say("retry"));
  retry.addEventListener("click", () => {
    upload.row.remove();
    addFiles([upload.file]);
  });
  upload.bar.replaceWith(element("span", { class: "state failed" }, say("state_failed")));
  upload.step.replaceWith(retry);
  upload.row.append(element("span", { class: "job-reason", role: "alert" }, error.message));
}

async function addAddress(event) {
  event.preventDefault();
  const form = event.target;
  const trouble = form.querySelector(".trouble");
  const button = form.querySelector("button");
  trouble.textContent = "";
  button.disabled = true;
  try {
    await call(`${api}/add_url`, { method: "POST", json: { url: form.elements.url.value.trim() } });
    form.reset();
    finished ??= ""; // a short document may be read before the first look
    pollNow();
  } catch (error) {
    trouble.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

async function filesIn(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at a time
    if (!some.length) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.filter((each) => !each.name.startsWith(".")).map(filesOf))).flat();
}

// Jobs

let timer = 0;
let pause = POLL_FIRST_MS;
let finished = null; // done and failed at the last look; a change means the list below is old

/** Looks at the jobs at once, because something was done to them. */
function pollNow() {
  pause = POLL_FIRST_MS;
  clearTimeout(timer);
  timer = setTimeout(poll);
}

function pollAgain(factor = 1.25) {
  clearTimeout(timer);
  timer = setTimeout(poll, pause);
  pause = Math.min(POLL_LAST_MS, pause * factor);
}

async function poll() {
  let work;
  try {
    work = await call(`${api}/jobs`);
  } catch (error) {
    find("#jobs-counts").textContent = error.message;
    return pollAgain(3);
  }
  showJobs(work);
  const now = `${work.done} ${work.failed}`;
  // Before the first look the list may have been rendered too early: then what it calls waiting is done by now.
  const isOld = finished === null ? find("#listing .state.waiting") : finished !== now;
  if (isOld) await refreshList();
  finished = now;
  if (work.waiting || work.running) pollAgain();
}

function showJobs(work) {
  const open = work.jobs.filter((job) => job.state !== "done").slice(0, 50);
  const list = find("#job-list");
  const known = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const rows = open.map((job) => {
    const old = known.get(String(job.id));
    return old?.dataset.version === version(job) ? old : jobRow(job);
  });
  // Rows that did not change stay where they are, so that a focused retry button keeps its focus.
  if (rows.length !== list.children.length || rows.some((row, i) => row !== list.children[i])) list.replaceChildren(...rows);
  find("#jobs").hidden = !open.length && !find("#uploads").children.length;
  find("#jobs-counts").textContent = countsLine(work);
}

function countsLine(work) {
  const left = work.waiting + work.running;
  const seconds = work.seconds_left ?? 0;
  return [
    left ? say("jobs_left", { n: left }) : "",
    work.done ? say("jobs_done", { n: work.done }) : "",
    work.failed ? say("jobs_failed", { n: work.failed }) : "",
    left && seconds ? say("time_left", { time: duration(seconds) }) : "",
  ].filter(Boolean).join(" · ");
}

function duration(seconds) {
  if (seconds < 90) return say("time_seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return say("time_minutes", { n: Math.round(seconds / 60) });
  return say("time_hours", { n: Math.round(seconds / 3600) });
}

const version = (job) => [job.state, job.step, job.done, job.total, job.reason].join(" ");

function jobRow(job) {
  const name = element("span", { class: "job-name", dir: "auto" }, job.document_name);
  const row = element("li", { class: `job ${job.state}`, "data-id": job.id, "data-version": version(job) }, name);
  if (job.state === "failed") {
    const retry = element("button", { type: "button", class: "button", "data-retry": job.id }, icon("retry"), say("retry"));
    retry.addEventListener("click", () => retryJob(job, row, retry));
    row.append(element("span", { class: "state failed" }, say("state_failed")), retry, element("span", { class: "job-reason" }, job.reason ?? ""));
    return row;
  }
  const bar = element("progress", { max: job.total || undefined, value: job.total ? job.done : undefined, "aria-label": job.document_name });
  const step = [job.state, job.step].includes("waiting") ? say("state_waiting") : (words[`step_${job.step}`] ?? job.step);
  row.append(bar, element("span", { class: "job-step" }, job.total > 1 ? `${step} ${job.done}/${job.total}` : step));
  return row;
}

async function retryJob(job, row, button) {
  button.disabled = true;
  try {
    await call(`${api}/jobs/${encodeURIComponent(job.id)}/retry`, { method: "POST" });
    finished = ""; // whatever comes out of it, look again
  } catch (error) {
    row.querySelector(".job-reason").textContent = error.message;
    button.disabled = false;
  }
  pollNow();
}

// The list, which the server renders

async function refreshList() {
  const url = new URL(location.href);
  url.searchParams.set("fragment", "1");
  const response = await fetch(url);
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  keepUnchangedRows(fresh);
  const typed = find("#find")?.value;
  find("#listing").replaceChildren(...[...fresh.body.childNodes].map((node) => document.adoptNode(node)));
  if (typed && find("#find")) find("#find").value = typed;
  const table = find("#listing table");
  if (table) {
    const n = Number(table.dataset.total);
    find("#counts").textContent = [kb, say("documents_count", { n }), say("passages_count", { n: Number(table.dataset.chunks) })].join(" · ");
  }
}

function keepUnchangedRows(fresh) {
  for (const row of fresh.querySelectorAll("tr[data-id]")) {
    const old = [...document.querySelectorAll("#listing tr[data-id]")].find((each) => each.dataset.id === row.dataset.id);
    if (old?.dataset.version === row.dataset.version) row.replaceWith(document.adoptNode(old));
  }
}

function askDelete(button) {
  const dialog = find("#delete-dialog");
  const trouble = dialog.querySelector(".trouble");
  dialog.querySelector("[data-text]").textContent = say("delete_text", { name: button.dataset.name });
  trouble.textContent = "";
  dialog.returnValue = "";
  dialog.onsubmit = async (event) => {
    if (event.submitter?.value !== "delete") return;
    event.preventDefault();
    try {
      await call(`${api}/documents/${encodeURIComponent(button.dataset.delete)}`, { method: "DELETE" });
      dialog.close();
      button.closest("tr")?.remove();
      await refreshList();
    } catch (error) {
      trouble.textContent = error.message;
    }
  };
  dialog.showModal();
}

drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  addFiles(await filesIn(event.dataTransfer));
});
find("#files").addEventListener("change", (event) => {
  addFiles([...event.target.files]);
  event.target.value = "";
});
find("#from-web").addEventListener("submit", addAddress);
find("#listing").addEventListener("click", (event) => {
  const button = event.target.closest("[data-delete]");
  if (button) askDelete(button);
});
find("select#kb")?.addEventListener("change", (event) => location.assign(event.target.value));
find("#new-knowledge").addEventListener("click", () => find("#new-dialog").showModal());
poll();
