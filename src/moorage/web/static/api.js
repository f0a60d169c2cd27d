// Calls to the HTTP API. Every failure becomes an Error whose message is a sentence for the visitor.

import { say } from "./words.js";

/** The JSON answer to a request; `json` is sent as the body. Undefined where there is no content. */
export async function call(url, { json, ...options } = {}) {
  const response = await send(url, { json, ...options });
  return response.status === 204 ? undefined : response.json();
}

/** The response itself, for streams. Throws the server's reason where it refuses. */
export async function send(url, { json, ...options } = {}) {
  const request = { headers: { accept: "application/json" }, ...options };
  if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers = { ...request.headers, "content-type": "application/json" };
  }
  const response = await fetch(url, request).catch((error) => {
    throw error.name === "AbortError" ? error : new Error(say("offline"));
  });
  if (!response.ok) throw new Error(reasonIn(await response.text(), response.status));
  return response;
}

/** The sentence in an error answer, whatever form it has. */
export function reasonIn(text, status) {
  try {
    const message = JSON.parse(text).error?.message;
    if (message) return message;
  } catch {
    // Not JSON, e.g. from a proxy in between: fall through to our own words.
  }
  return say("unexpected", { status: String(status) });
}
