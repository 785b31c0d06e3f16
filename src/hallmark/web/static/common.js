// What every page uses: elements from text alone (never from HTML), requests, the key, the tip.
"use strict";

const $ = (selector) => document.querySelector(selector);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name === "width") made.style.width = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function drawing(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Numbers: what does not exist is a dash; one decimal below 10, so that 9.5 is not called 10, and above
// 99, so that 99.5 is not called 100.
const DASH = "—";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const whole = (number) => Math.round(number).toLocaleString("en-GB");
const expected = (count) => count.toLocaleString("en-GB", { maximumFractionDigits: count < 100 ? 1 : 0 });
const percent = (share) => {
  if (!isNumber(share)) return DASH;
  const hundred = share * 100;
  if (hundred > 0 && hundred < 0.1) return "< 0.1 %";
  if (hundred < 100 && hundred > 99.9) return "> 99.9 %";
  const tenths = Math.round(hundred * 10) / 10;
  const fine = (tenths > 0 && tenths < 10) || (tenths > 99 && tenths < 100);
  return `${fine ? tenths.toFixed(1) : Math.round(hundred)} %`;
};
// A share that somebody chose: as it was chosen.
const inPercent = (share) => Number((100 * share).toPrecision(4));
const chosen = (share) => `${inPercent(share)} %`;

// The key, where the service wants one: kept for this tab only.
function askForKey() {
  const dialog = $("#key");
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" ? $("#key input").value.trim() : "";
      if (given) sessionStorage.setItem("key", given);
      resolve(Boolean(given));
    }, { once: true });
  });
}

async function ask(path, body, options = {}) {
  const headers = {};
  const key = sessionStorage.getItem("key");
  if (key) headers.Authorization = `Bearer ${key}`;
  const form = body instanceof FormData;
  if (!form) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method: "POST", headers, body: form ? body : JSON.stringify(body), signal: options.signal,
  });
  if (answer.status === 401 && await askForKey()) return ask(path, body, options);
  if (!answer.ok) {
    const found = await answer.json().catch(() => null);
    throw new Error(found?.error?.message ?? `the service answered ${answer.status}`);
  }
  return options.raw ? answer : answer.json();
}

// Run one piece of work with its button; what goes wrong is said in words.
const latest = new WeakMap(); // of a button, its latest run: an earlier one, given up, says nothing more
async function working(button, work) {
  const problem = $("#problem");
  const run = {};
  latest.set(button, run);
  problem.hidden = true;
  button.disabled = true;
  button.classList.add("busy");
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError" && latest.get(button) === run) {
      const lost = error instanceof TypeError ? "The service cannot be reached." : `${error.message}.`;
      problem.textContent = `That did not work: ${lost}`;
      problem.hidden = false;
    }
  } finally {
    if (latest.get(button) === run) {
      button.disabled = false;
      button.classList.remove("busy");
    }
  }
}

// One tip for all tokens of a text: under the pointer, or by the arrow keys while it has the focus.
function tips(container, describe) {
  const tip = $("#tip");
  let active = null;
  const show = (span) => {
    active?.classList.remove("on");
    active = span;
    if (!span) { tip.hidden = true; return; }
    span.classList.add("on");
    tip.replaceChildren(...describe(Number(span.dataset.i)));
    tip.hidden = false;
    const box = span.getBoundingClientRect();
    const left = Math.min(box.left, innerWidth - tip.offsetWidth - 8);
    const below = box.bottom + 8 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - tip.offsetHeight - 8)}px`;
  };
  const token = (target) => target.closest?.("[data-i]");
  container.onpointerover = (event) => show(token(event.target));
  container.onpointerleave = () => show(null);
  container.onclick = (event) => show(token(event.target));
  container.onblur = () => show(null);
  container.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") show(null);
    if (!step) return;
    event.preventDefault();
    const all = [...container.querySelectorAll("[data-i]")];
    const next = active ? all.indexOf(active) + step : step > 0 ? 0 : all.length - 1;
    show(all[Math.max(0, Math.min(all.length - 1, next))] ?? null);
    active?.scrollIntoView({ block: "nearest" });
  };
  addEventListener("scroll", () => { if (document.activeElement !== container) show(null); }, { passive: true });
}

function download(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// GLTR's buckets of rank (Gehrmann, Strobelt and Rush 2019).
const BUCKETS = [[10, "among the 10 likeliest"], [100, "11th to 100th"], [1000, "101st to 1,000th"], [Infinity, "beyond"]];
const bucketOf = (rank) => BUCKETS.findIndex(([most]) => rank <= most);

// A token's span; the blank before a word is left without colour.
function tokenOf(token, kind, number) {
  const blank = /^\s+(?=\S)/.exec(token)?.[0] ?? "";
  const marks = number === undefined ? { class: kind } : { class: kind, "data-i": number };
  return [blank, element("span", { ...marks, text: token.slice(blank.length) })];
}

function rankKey(shares) {
  return element("ul", { class: "key" }, ...BUCKETS.map(([, name], i) =>
    element("li", {}, element("i", { class: `b${i}` }), shares ? `${name}: ${percent(shares[i])}` : name)));
}

// Sentences of a text with their places.
function sentencesOf(text) {
  const found = [...text.matchAll(/[^.!?\n]+(?:[.!?]+["'”’)]*|\n+|$)\s*/g)];
  return found.map((m) => ({ text: m[0], start: m.index, end: m.index + m[0].length })).filter((s) => s.text.trim());
}
