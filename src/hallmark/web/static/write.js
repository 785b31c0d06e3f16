// The Write page: streaming text, stop, and what else the model had in mind for each token.
"use strict";

const PRESETS = {
  pure: [{ temperature: 1, top_k: 0, top_p: 1, repetition_penalty: 1 }, "Every word in proportion to its probability: varied, and apt to wander."],
  k40: [{ temperature: 1, top_k: 40, top_p: 1, repetition_penalty: 1 }, "Only the 40 likeliest words: smoother, and easier to detect."],
  nucleus: [{ temperature: 1, top_k: 0, top_p: 0.9, repetition_penalty: 1 }, "The likeliest words that together reach 90 %."],
  greedy: [{ temperature: 0, top_k: 0, top_p: 1, repetition_penalty: 1 }, "Always the likeliest word: it soon repeats itself."],
};
let drawn = [];
let leaving = null;

function describe(i) {
  const { token, own, top } = drawn[i];
  const rows = Object.entries(top ?? {}).sort((a, b) => b[1] - a[1]).map(([name, log]) => element("tr", {},
    element("td", {}, element("code", { text: `${name === token ? "▸ " : ""}${JSON.stringify(name).slice(1, -1)}` })), element("td", { text: percent(Math.exp(log)) })));
  return [element("div", {}, element("code", { text: JSON.stringify(token) }), ` drawn at ${percent(Math.exp(own))}`), element("table", {}, ...rows)];
}

const shareBucket = (log) => [0.1, 0.01, 0.001, 0].findIndex((least) => Math.exp(log) >= least);

function add(choice) {
  const found = choice.logprobs;
  const text = choice.text;
  if (!found.tokens.length) { if (text) $("#out").append(text); return; }
  // Whole characters are sent; tokens that are part of one are shown together.
  const joined = found.tokens.join("") === text;
  const parts = joined ? found.tokens : [text];
  parts.forEach((part, k) => {
    drawn.push({ token: part, own: found.token_logprobs[k], top: found.top_logprobs[k] });
    $("#out").append(...tokenOf(part, `b${shareBucket(found.token_logprobs[k])}`, drawn.length - 1));
  });
}

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const data = part.slice("data: ".length);
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
}

function settings() {
  const body = { prompt: $("#prompt").value, stream: true, logprobs: 6 };
  for (const name of Object.keys(PRESETS.pure[0]).concat("max_tokens")) body[name] = Number($(`#${name}`).value);
  if ($("#seed").value !== "") body.seed = Number($("#seed").value);
  return body;
}

async function write() {
  leaving = new AbortController();
  drawn = [];
  $("#stop").disabled = false;
  $("#after").hidden = false;
  $("#legend").replaceChildren(element("ul", { class: "key" }, ...["10 % or likelier", "1 to 10 %", "0.1 to 1 %", "rarer"].map((name, i) =>
    element("li", {}, element("i", { class: `b${i}` }), name))));
  $("#out").replaceChildren(element("span", { class: "prompt", text: $("#prompt").value }));
  tips($("#out"), describe);
  const began = performance.now();
  try {
    const answer = await ask("/v1/completions", settings(), { raw: true, signal: leaving.signal });
    for await (const event of events(answer)) {
      if (event.error) throw new Error(event.error.message);
      for (const choice of event.choices) add(choice);
      const seconds = (performance.now() - began) / 1000;
      $("#pace").textContent = `${drawn.length} tokens, ${whole(drawn.length / seconds)} a second`;
    }
  } finally {
    $("#stop").disabled = true;
  }
}

function preset(name) {
  const [values, about] = PRESETS[name];
  for (const [id, value] of Object.entries(values)) $(`#${id}`).value = value;
  mark(name);
  $("#about").textContent = about;
}

function mark(name) {
  for (const button of document.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", button.dataset.preset === name);
}

$("#form").addEventListener("submit", (event) => { event.preventDefault(); working($("#go"), write); });
$("#stop").addEventListener("click", () => leaving?.abort());
$("#copy").addEventListener("click", () => navigator.clipboard?.writeText($("#out").textContent));
$("#colour").addEventListener("change", () => $("#out").classList.toggle("plain", !$("#colour").checked));
for (const button of document.querySelectorAll("[data-preset]")) button.addEventListener("click", () => preset(button.dataset.preset));
for (const id of Object.keys(PRESETS.pure[0])) $(`#${id}`).addEventListener("input", () => { mark(""); $("#about").textContent = "Your own settings."; });
preset("k40");
