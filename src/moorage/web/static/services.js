// The services of a plan: a table, each one's commands, where its numbers come from, and those without a place.

import { copyable } from "./copyable.js";
import { element } from "./dom.js";
import { kindOf, partName, size } from "./memory.js";
import { say } from "./words.js";

const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits });

/** All services in their order. */
export function serviceTable(services) {
  const head = ["#", say("plan_service"), say("plan_gpus"), say("plan_context"), say("plan_fits_users"), say("plan_tokens"), say("plan_holds"), say("plan_speed")];
  const cells = head.map((text, i) => element("th", { scope: "col", class: i > 2 ? "number" : undefined, title: i === 7 ? say("plan_speed_title") : undefined }, text));
  return element(
    "table",
    { class: "services" },
    element("thead", {}, element("tr", {}, ...cells)),
    element("tbody", {}, ...services.map(serviceRow)),
  );
}

function serviceRow(service) {
  const hasCache = service.cache_tokens.low > 0;
  const speed = service.speed_estimate;
  const rate = speed.decode_one_tokens_per_s || speed.prefill_tokens_per_s;
  const cell = (...children) => element("td", { class: "number" }, ...children);
  return element(
    "tr",
    {},
    element("td", {}, String(service.order)),
    element("th", { scope: "row" }, service.name, service.model === service.name ? "" : element("small", {}, service.model)),
    element("td", {}, places(service.gpus), ...cut(service.flags)),
    cell(number(service.flags.max_model_len)),
    cell(hasCache ? number(service.users, 1) : "–"),
    cell(hasCache ? number(service.cache_tokens.low) : "–"),
    cell(size(service.held_bytes)),
    cell(rate ? `~${number(rate)}` : "–"),
  );
}

/** Cards by number: neighbours as a range where there are more than two. */
function places(gpus) {
  const inRow = gpus.every((gpu, i) => i === 0 || gpu === gpus[i - 1] + 1);
  return inRow && gpus.length > 2 ? `${gpus[0]}–${gpus.at(-1)}` : gpus.join(" + ");
}

function cut(flags) {
  const made = [];
  if (flags.tensor_parallel_size > 1) made.push(element("small", {}, say("plan_cut", { n: flags.tensor_parallel_size })));
  if (flags.pipeline_parallel_size > 1) made.push(element("small", {}, say("plan_stages", { n: flags.pipeline_parallel_size })));
  return made;
}

/** One service: what is to be known of it, its commands, and the reckoning folded away. */
export function serviceCard(service) {
  const { serve, docker } = service.commands ?? {};
  const said = [...(service.notices ?? []).map((notice) => notice.text), ...(service.is_learned ? [say("plan_learned")] : [])];
  return element(
    "article",
    { class: "service" },
    element("h3", {}, `${service.order}. ${service.name}`),
    said.length ? element("ul", { class: "notices" }, ...said.map((text) => element("li", {}, text))) : "",
    ...(serve ? [element("h4", {}, say("plan_commands")), copyable(serve)] : []),
    docker ? folded(say("plan_docker"), copyable(docker)) : "",
    folded(say("plan_why"), reckoning(service.explanation)),
    service.choices?.length ? folded(say("plan_choices"), choices(service.choices)) : "",
  );
}

/** A service without a place: why, and what would help. */
export function refusal(refused) {
  const list = (title, kind, notices) => [element("h3", {}, title), element("ul", { class: kind }, ...notices.map((notice) => element("li", {}, notice.text)))];
  return element(
    "article",
    { class: "refusal" },
    element("h2", {}, say("plan_refused", { name: refused.name })),
    ...list(say("plan_reasons"), "reasons", refused.reasons),
    ...(refused.remedies.length ? list(say("plan_remedies"), "remedies", refused.remedies) : []),
  );
}

/** Every number with the sentence that explains it. */
export function reckoning(lines) {
  const rows = lines.map((line) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", class: isPart(line.name) ? kindOf(line.name) : undefined }, partName(line.name)),
      element("td", { class: "size" }, ...range(line.bytes)),
      element("td", {}, line.reason),
    ),
  );
  return element("table", { class: "reckoning" }, element("tbody", {}, ...rows));
}

function isPart(name) {
  return !["budget", "cache_flag", "start_share", "token", "request", "held", "speed"].includes(name);
}

function range(bytes) {
  if (!bytes) return [];
  const [low, likely, high] = [size(bytes.low), size(bytes.likely), size(bytes.high)];
  return low === high ? [likely] : [likely, element("small", {}, `${low} – ${high}`)];
}

function choices(all) {
  const rows = all.map((choice) => element("tr", {}, element("th", { scope: "row" }, element("code", {}, `--${choice.flag}`)), element("td", {}, choice.reason)));
  return element("table", { class: "reckoning plain" }, element("tbody", {}, ...rows));
}

function folded(title, content) {
  return element("details", {}, element("summary", {}, title), element("div", { class: "table-wide" }, content));
}
