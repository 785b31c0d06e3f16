// The Detect page: one text or many files, judged, and shown at the prior that the reader sets.
"use strict";

const PRIORS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99];
let prior = EVEN;
let batch = []; // of files: name, text or error, and the verdict once there is one
let shown = null; // the verdict in the panel and its name
let judging = new AbortController();

// What is on the page belongs to one input: a new one clears it, and gives up what is under way.
function clear() {
  judging.abort();
  judging = new AbortController();
  [batch, shown] = [[], null];
  $("#rows").replaceChildren();
  refresh();
}

function refresh() {
  $("#empty").hidden = Boolean(shown);
  $("#result").hidden = !shown;
  $("#batch").hidden = !batch.length;
  const given = [shown, ...batch].map((one) => one?.verdict).filter(Boolean);
  $("#weigh").hidden = given.every((verdict) => verdict.band === "cannot tell");
  if (shown) {
    const view = weighed(shown.verdict, prior);
    const opened = $("#details details")?.open ?? false;
    $("#name").textContent = shown.name ?? "";
    $("#name").hidden = !shown.name;
    $("#looks").replaceChildren(bandCard(view));
    $("#told").replaceChildren(...worth(shown.verdict, view));
    $("#details").replaceChildren(facts(shown.verdict, view), allNumbers(view));
    $("#details details").open = opened;
  }
  if (batch.length) fill();
}

const showPrior = () => { $("#prior-percent").value = inPercent(prior); };

function setPrior(share, { from }) {
  prior = share;
  const odds = Math.log(share / (1 - share));
  const away = PRIORS.map((one) => Math.abs(Math.log(one / (1 - one)) - odds));
  if (from !== $("#prior")) $("#prior").value = away.indexOf(Math.min(...away));
  if (from !== $("#prior-percent")) showPrior();
  $("#prior").setAttribute("aria-valuetext", chosen(share));
  refresh();
}

// The row of one text. Of the two bounds, that on the claim which is made; of no claim, none.
function rowOf(one) {
  const { name, verdict, error } = one;
  if (!verdict) return element("tr", {}, element("td", { text: name }), element("td", { colspan: 5, text: error ? `Not read: ${error}` : "…" }));
  const view = weighed(verdict, prior);
  const number = (text) => element("td", { class: "n", text });
  const pick = () => { shown = one; refresh(); };
  return element("tr", {
    class: "pick", tabindex: 0, "aria-selected": String(shown === one), onclick: pick,
    onkeydown: (event) => { if (event.key === "Enter") pick(); },
  }, element("td", { text: name }), element("td", { text: view.band }), number(percent(view.probability)),
  number(view.band === "likely synthetic" ? percent(view.false_positive_rate) : DASH),
  number(view.band === "likely human" ? percent(view.false_negative_rate) : DASH),
  number(`${whole(view.tokens_used)} of ${whole(view.tokens_total)}`));
}

function fill() {
  const left = batch.filter((one) => !one.error && !one.verdict).length;
  const counted = batch.length === 1 ? "One text" : `${whole(batch.length)} texts`;
  const focused = [...$("#rows").children].indexOf(document.activeElement);
  $("#batch-title").textContent = left ? `${counted}, ${whole(left)} still to be judged` : counted;
  $("#at-prior").textContent = chosen(prior);
  $("#csv").disabled = $("#json").disabled = left > 0;
  $("#rows").replaceChildren(...batch.map(rowOf));
  $("#rows").children[focused]?.focus({ preventScroll: true });
}

const judge = async (asked) => (await ask("/api/detect", { ...asked, prior: EVEN }, { signal: judging.signal })).verdicts;

// Many texts are judged a few at a time, so that the table grows while one waits.
const TOGETHER = 8;
async function judgeFiles(files) {
  clear();
  $("#text").value = "";
  const { signal } = judging;
  const form = new FormData();
  for (const file of files) form.append("files", file);
  $("#files").value = ""; // or the same files could not be chosen again
  const found = (await ask("/api/extract", form, { signal })).texts;
  signal.throwIfAborted();
  batch = found;
  const texts = batch.filter((one) => one.text !== null);
  if (batch.length === 1 && texts.length) $("#text").value = texts[0].text;
  refresh();
  for (let i = 0; i < texts.length; i += TOGETHER) {
    const some = texts.slice(i, i + TOGETHER);
    const verdicts = await judge({ texts: some.map((one) => one.text) });
    signal.throwIfAborted();
    some.forEach((one, k) => { one.verdict = verdicts[k]; });
    shown ??= texts[0];
    refresh();
  }
}

async function judgeText() {
  const text = $("#text").value;
  clear();
  const { signal } = judging;
  const [verdict] = await judge({ text });
  signal.throwIfAborted();
  shown = { verdict };
  refresh();
}

const cell = (value) => {
  const text = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
};

// What is saved is what is shown: each verdict at the prior, which has a column of its own.
const saved = () => batch.map(({ name, error, verdict }) => ({ name, error, ...(verdict && weighed(verdict, prior)) }));

function asCsv(rows) {
  const names = [...new Set(["name", "error", ...rows.flatMap(Object.keys)])].filter((name) => name !== "flags");
  const lines = rows.map((row) => names.map((name) => {
    const value = row[name];
    return value !== null && typeof value === "object" ? JSON.stringify(value) : value;
  }));
  return [names, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
}

$("#form").addEventListener("submit", (event) => { event.preventDefault(); working($("#go"), judgeText); });
$("#text").addEventListener("input", clear);
$("#example").addEventListener("click", () => { $("#text").value = $("#example-text").content.textContent; $("#form").requestSubmit(); });
$("#choose").addEventListener("click", () => $("#files").click());
$("#files").addEventListener("change", () => { const files = [...$("#files").files]; working($("#go"), () => judgeFiles(files)); });
$("#prior").addEventListener("input", () => setPrior(PRIORS[$("#prior").value], { from: $("#prior") }));
$("#prior-percent").addEventListener("input", () => {
  const box = $("#prior-percent");
  if (box.value && box.checkValidity()) setPrior(box.valueAsNumber / 100, { from: box });
});
$("#prior-percent").addEventListener("change", showPrior); // what it cannot be gives way to what it is
$("#csv").addEventListener("click", () => download("verdicts.csv", "text/csv", asCsv(saved())));
$("#json").addEventListener("click", () => download("verdicts.json", "application/json", JSON.stringify(saved(), null, 2)));
$("#prior").max = PRIORS.length - 1;
setPrior(EVEN, {});
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("#drop").addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    $("#drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") { const files = [...event.dataTransfer.files]; working($("#go"), () => judgeFiles(files)); }
  });
}
