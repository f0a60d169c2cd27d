// The page's words in the visitor's language, from the table the server wrote into the page.

export const words = JSON.parse(document.querySelector("#words")?.textContent ?? "{}");

/** The phrase `name` with its `{names}` filled in; of two forms divided by "|" the one for `values.n`. */
export function say(name, values = {}) {
  const [one, several] = (words[name] ?? name).split("|");
  const chosen = several !== undefined && values.n !== 1 ? several : one;
  return chosen.replace(/\{(\w+)\}/g, (_, key) => shown(values[key]));
}

function shown(value) {
  return typeof value === "number" ? value.toLocaleString("en") : String(value ?? "");
}
