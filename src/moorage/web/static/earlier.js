// This browser tab's questions and their answers, so that coming back from a document shows the answer again without asking anew.

const KEY = "moorage-earlier";
const MOST = 20;

export function all() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

export function find(kb, question) {
  return all().find((each) => each.kb === kb && each.answer.question === question)?.answer;
}

export function remember(kb, answer) {
  let kept = [{ kb, answer }, ...all().filter((each) => each.kb !== kb || each.answer.question !== answer.question)].slice(0, MOST);
  while (kept.length) {
    try {
      return sessionStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      kept = kept.slice(0, Math.floor(kept.length / 2)); // The browser's few megabytes are full: forget the oldest half.
    }
  }
}

export function forget() {
  sessionStorage.removeItem(KEY);
}
