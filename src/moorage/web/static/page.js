// What every page does: the colour switch, "/" to the question, selects that lead elsewhere, copy buttons, new knowledge bases,
// and contents lists, which begin closed where they would push the text away.

import { call } from "./api.js";
import { copyText, icon } from "./dom.js";
import { words } from "./words.js";

const THEMES = ["auto", "light", "dark"];

function switchTheme(button) {
  const root = document.documentElement;
  const theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  button.title = words[`theme_${theme}`];
  button.setAttribute("aria-label", button.title);
  button.replaceChildren(icon(`theme-${theme}`));
}

function focusQuestion(event) {
  const target = event.target;
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input, textarea, select, [contenteditable]")) return;
  const field = document.querySelector("#question, [data-question]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

async function createKnowledge(event) {
  event.preventDefault();
  const form = event.target;
  const trouble = form.querySelector(".trouble");
  trouble.textContent = "";
  try {
    const made = await call("/api/kb", { method: "POST", json: { name: form.elements.name.value.trim() } });
    location.assign(`/kb/${encodeURIComponent(made.name)}/documents`);
  } catch (error) {
    trouble.textContent = error.message;
    form.elements.name.focus();
  }
}

async function copyBeside(button) {
  await copyText(button.parentElement.querySelector("pre").textContent);
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}

if (matchMedia("(max-width: 60rem)").matches) document.querySelectorAll(".outline details").forEach((each) => (each.open = false));
const themeButton = document.querySelector("#theme");
themeButton.addEventListener("click", () => switchTheme(themeButton));
document.addEventListener("keydown", focusQuestion);
document.querySelectorAll("[data-new-knowledge]").forEach((form) => form.addEventListener("submit", createKnowledge));
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copyBeside(button)));
