// A command with a button that copies it.

import { copyText, element, icon } from "./dom.js";
import { say } from "./words.js";

/** The text in a box of its own. */
export function copyable(text) {
  const button = element("button", { type: "button", class: "quiet icon-only", title: say("copy"), "aria-label": say("copy") }, icon("copy"));
  button.addEventListener("click", async () => {
    await copyText(text);
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  });
  return element("div", { class: "copyable" }, element("pre", { tabindex: "0" }, element("code", {}, text)), button);
}
