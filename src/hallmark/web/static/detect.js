// The Detect page: one text or many files, verdicts with what they are worth.
"use strict";

const PRIORS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99];
const TONES = { "likely human": "human", "cannot tell": "unsure", "likely synthetic": "synthetic" };
const SHAPES = {
  human: "M16 4a12 12 0 1 0 0 24a12 12 0 1 0 0-24z",
  unsure: "M5 13h22v6H5z",
  synthetic: "M16 3 29 16 16 29 3 16z",
};
const SHOWN = new Set(["band", "score", "probability", "prior", "likelihood_ratio", "false_positive_rate",
  "false_positive_n", "false_negative_rate", "false_negative_n", "tokens_used", "tokens_total", "reason", "flags", "tampered"]);
let prior = 0.5;
let batch = [];

function sentence(verdict) {
  if (verdict.band === "cannot tell") {
    return "That is an answer too: for this text, a claim would err too often.";
  }
  const kind = verdict.band === "likely synthetic" ? "what models write" : "what people write";
  return `By its wording it is closer to ${kind}. It says nothing of who wrote it.`;
}

function bandCard(verdict) {
  const tone = TONES[verdict.band] ?? "unsure";
  const shape = drawing("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    drawing("path", { d: SHAPES[tone], fill: "currentColor" }));
  const name = verdict.band[0].toUpperCase() + verdict.band.slice(1);
  return element("div", { class: `band ${tone}` }, shape,
    element("div", {}, element("strong", { text: name }), element("span", { text: sentence(verdict) })));
}

function fact(list, name, value) {
  list.append(element("dt", { text: name }), element("dd", { text: value }));
}

function ratioWords(ratio) {
  const times = ratio >= 1 ? ratio : 1 / ratio;
  const shown = !Number.isFinite(times) || times > 1000 ? "over 1,000" : times.toPrecision(2);
  return `${shown} times as common in ${ratio >= 1 ? "synthetic" : "human"} text`;
}

function facts(verdict) {
  const list = element("dl", { class: "facts" });
  if (verdict.reason) fact(list, "Why", verdict.reason[0].toUpperCase() + verdict.reason.slice(1) + ".");
  if (verdict.likelihood_ratio !== null) fact(list, "Evidence", `A score like this is ${ratioWords(verdict.likelihood_ratio)}.`);
  // Each claim rests on one bound; where none is made, both say why.
  if (verdict.band !== "likely human" && verdict.false_positive_rate !== null) {
    fact(list, "Error rate", `At most ${percent(verdict.false_positive_rate)} of human texts of this length score as high ` +
      `(95 % bound, n = ${whole(verdict.false_positive_n)}).`);
  }
  if (verdict.band !== "likely synthetic" && verdict.false_negative_rate !== null) {
    fact(list, "Error rate", `At most ${percent(verdict.false_negative_rate)} of synthetic texts of this length score as low ` +
      `(95 % bound, n = ${whole(verdict.false_negative_n)}).`);
  }
  fact(list, "Length", `${whole(verdict.tokens_used)} of ${whole(verdict.tokens_total)} tokens were read` +
    (verdict.tokens_used < verdict.tokens_total ? ", from the beginning." : "."));
  fact(list, "Tampering", verdict.tampered ? "Characters that seem meant to mislead detectors were found, and repaired." :
    "No hidden or look-alike characters found.");
  return list;
}

function others(verdict) {
  const more = Object.entries(verdict).filter(([name, value]) => !SHOWN.has(name) && value !== null && value !== "");
  const list = element("dl", { class: "facts" });
  if (verdict.score !== null) fact(list, "score", `${verdict.score.toFixed(3)} nats`);
  for (const [name, value] of more) {
    fact(list, name.replaceAll("_", " "), typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return list.children.length ? element("details", {}, element("summary", { text: "All numbers" }), list) : "";
}

function splitBar(right, wrong, kinds, words) {
  const share = wrong / Math.max(wrong + right, 1e-9);
  return [
    element("div", { class: `split ${kinds}`, role: "img", "aria-label": words.join(", ") },
      element("span", { class: "right", width: `${100 - 100 * share}%` }), element("span", { class: "wrong", width: `${100 * share}%` })),
    element("ul", { class: `key ${kinds}` }, element("li", {}, element("i", { class: "right" }), words[0]),
      element("li", { id: "wrong" }, element("i", { class: "wrong" }), words[1])),
  ];
}

// Flag all that score as high as this text: how many of the flags are wrong?
function flagged(verdict) {
  const { human, human_as_high, synthetic, synthetic_as_high } = verdict.flags;
  const wrong = 1000 * (1 - prior) * Math.max(verdict.false_positive_rate, human_as_high / human);
  const right = 1000 * prior * synthetic_as_high / synthetic;
  return [
    element("p", { class: "small", text: "Flag every text that scores at least as high, among 1,000 such texts:" }),
    ...splitBar(right, wrong, "flags", [`${whole(right)} synthetic, found`, `up to ${whole(wrong)} human, wrongly flagged`]),
    element("p", { class: "small", text: `So up to ${percent(wrong / Math.max(wrong + right, 1e-9))} of the flags would be wrong. ` +
      `Of ${whole(synthetic)} synthetic texts of this length, ${whole(synthetic_as_high)} scored as high.` }),
  ];
}

// Pass all that score as low as this text: how many synthetic ones slip through?
function cleared(verdict) {
  const { human, human_as_high, synthetic, synthetic_as_high } = verdict.flags;
  const missed = Math.max(verdict.false_negative_rate ?? 0, 1 - synthetic_as_high / synthetic);
  const wrong = 1000 * prior * missed, right = 1000 * (1 - prior) * (1 - human_as_high / human);
  return [
    element("p", { class: "small", text: "This text would not be flagged. Of 1,000 such texts, those that score as low or lower:" }),
    ...splitBar(right, wrong, "passes", [`${whole(right)} human`, `${verdict.false_negative_rate ? "up to" : "about"} ${whole(wrong)} synthetic, missed`]),
    element("p", { class: "small", text: `Of ${whole(synthetic)} synthetic texts of this length, ${whole(synthetic - synthetic_as_high)} scored lower.` }),
  ];
}

// What this score is worth where synthetic texts are rare or common.
function prevalence(verdict) {
  const box = element("div", { class: "tool" });
  const told = element("div");
  const slider = element("input", {
    type: "range", min: 0, max: PRIORS.length - 1, value: PRIORS.indexOf(prior), id: "prior",
    "aria-label": "Share of synthetic texts among such texts",
    oninput: () => { prior = PRIORS[slider.value]; update(); },
  });
  const update = () => {
    const odds = verdict.likelihood_ratio * prior / (1 - prior);
    const probability = odds / (1 + odds);
    slider.setAttribute("aria-valuetext", percent(prior));
    told.replaceChildren(
      element("p", {}, "If ", element("span", { class: "number", text: percent(prior) }),
        " of such texts are synthetic, this one is with probability ",
        element("output", { class: "number", id: "probability", text: percent(probability) }), "."),
      ...(verdict.likelihood_ratio >= 1 ? flagged(verdict) : cleared(verdict)));
  };
  box.append(element("h3", { text: "How common is synthetic text where you look?" }), slider, told);
  update();
  return box;
}

function show(verdict, name) {
  $("#empty").hidden = true;
  const parts = [bandCard(verdict)];
  if (name) parts.unshift(element("h3", { text: name }));
  if (verdict.probability !== null && verdict.flags) parts.push(prevalence(verdict));
  parts.push(facts(verdict), others(verdict));
  $("#result").replaceChildren(...parts);
}

// The bound on the claim that is made; where none is made, nothing can be wrong.
function wrongAtMost(verdict) {
  if (verdict.band === "cannot tell") return null;
  return verdict.band === "likely human" ? verdict.false_negative_rate : verdict.false_positive_rate;
}

function fill(rows) {
  const left = rows.filter((r) => !r.error && !r.verdict).length;
  const counted = rows.length === 1 ? "One text" : `${whole(rows.length)} texts`;
  const picked = [...$("#rows").children].findIndex((row) => row.ariaSelected === "true");
  $("#batch").hidden = false;
  $("#batch-title").textContent = left ? `${counted}, ${whole(left)} still to be judged` : counted;
  $("#csv").disabled = $("#json").disabled = left > 0;
  $("#rows").replaceChildren(...rows.map(({ name, verdict, error }, i) => {
    if (!error && !verdict) return element("tr", {}, element("td", { text: name }), element("td", { colspan: 4, text: "…" }));
    if (error) return element("tr", {}, element("td", { text: name }), element("td", { colspan: 4, text: `Not read: ${error}` }));
    const row = element("tr", { class: "pick", tabindex: 0, "aria-selected": i === picked },
      element("td", { text: name }), element("td", { text: verdict.band }),
      element("td", { class: "n", text: percent(verdict.probability) }),
      element("td", { class: "n", text: percent(wrongAtMost(verdict)) }),
      element("td", { class: "n", text: `${whole(verdict.tokens_used)} of ${whole(verdict.tokens_total)}` }));
    const pick = () => {
      for (const other of $("#rows").children) other.setAttribute("aria-selected", other === row);
      show(verdict, name);
    };
    row.addEventListener("click", pick);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(); });
    return row;
  }));
}

// Many texts are judged a few at a time, so that the table grows while one waits.
const TOGETHER = 8;
async function judgeFiles(files) {
  const form = new FormData();
  for (const file of files) form.append("files", file);
  batch = (await ask("/api/extract", form)).texts;
  const texts = batch.filter((f) => f.text !== null);
  if (batch.length === 1 && texts.length) $("#text").value = texts[0].text;
  for (let i = 0; i < texts.length; i += TOGETHER) {
    const some = texts.slice(i, i + TOGETHER);
    const { verdicts } = await ask("/api/detect", { texts: some.map((f) => f.text), prior });
    some.forEach((f, k) => { f.verdict = verdicts[k]; });
    fill(batch);
    if (i === 0) $("#rows").querySelector(".pick").click();
  }
  if (!texts.length) fill(batch);
}

const cell = (value) => {
  const text = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
};

function asCsv(rows) {
  const names = [...new Set(rows.flatMap((r) => Object.keys(r.verdict ?? {})))].filter((n) => n !== "flags");
  const lines = rows.map((r) => [r.name, r.error, ...names.map((n) => {
    const value = r.verdict?.[n];
    return value !== null && typeof value === "object" ? JSON.stringify(value) : value;
  })]);
  return [["name", "error", ...names], ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
}

$("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  working($("#go"), async () => {
    const { verdicts } = await ask("/api/detect", { text: $("#text").value, prior });
    show(verdicts[0]);
  });
});
$("#example").addEventListener("click", () => { $("#text").value = $("#example-text").content.textContent; $("#form").requestSubmit(); });
$("#choose").addEventListener("click", () => $("#files").click());
$("#files").addEventListener("change", () => working($("#go"), () => judgeFiles($("#files").files)));
$("#csv").addEventListener("click", () => download("verdicts.csv", "text/csv", asCsv(batch)));
$("#json").addEventListener("click", () => download("verdicts.json", "application/json",
  JSON.stringify(batch.map(({ name, error, verdict }) => ({ name, error, ...verdict })), null, 2)));
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("#drop").addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    $("#drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") working($("#go"), () => judgeFiles(event.dataTransfer.files));
  });
}
