// The Inspect page: GLTR's reading of a text, histograms, sentences, statistics.
"use strict";

const MINUS = "−";
const signed = (value, digits) => value.toFixed(digits).replace("-", MINUS);
const nats = (value) => `${signed(value, 2)} nats (${signed(value / Math.LN2, 2)} bits)`;
// How the page shows what `statistics.py` gives. That turns ranks and entropy round, so that all
// rise where a text is likely; here each has the sign that its name says.
const MEANING = {
  "log-likelihood": ["Mean log-probability of a token", nats, "Nearer 0: the model expected these tokens."],
  "log-rank": ["Mean natural logarithm of the rank", (v) => `${(-v).toFixed(2)} (a rank of ${whole(Math.exp(-v))})`, "Nearer 0: tokens from the top of the list."],
  rank: ["Mean rank", (v) => `${whole(-v)} (1 is the likeliest)`, "The same without the logarithm; a few rare tokens decide it."],
  entropy: ["Mean entropy", (v) => nats(-v), "Nearer 0: the text stays where the model is sure."],
  lrr: ["Log-probability over log-rank", (v) => `${v.toFixed(2)} (a ratio, without unit)`, "Higher: likely even for its ranks (Su et al. 2023)."],
  "gltr-top10": ["Share of tokens among the 10 likeliest", percent, "The legend’s first colour, which GLTR draws green; high under top-k sampling."],
  "fast-detectgpt": ["Curvature", (v) => `${signed(v, 2)} standard deviations`, "Above 0: likelier than the model’s own samples would be (Bao et al. 2024)."],
};
let scores = null;

function describe(i) {
  return [
    element("code", { text: JSON.stringify(scores.tokens[i]) }),
    element("table", {}, ...[
      ["rank", whole(scores.rank[i])], ["probability", percent(Math.exp(scores.log_prob[i]))],
      ["log-probability", nats(scores.log_prob[i])], ["entropy", nats(scores.entropy[i])],
    ].map(([name, value]) => element("tr", {}, element("td", { text: name }), element("td", { text: value })))),
  ];
}

function bars(values, labels, title, fills = []) {
  const width = 300, height = 130, top = 14, low = 112, room = width / values.length;
  const most = Math.max(...values, 1);
  const total = values.reduce((a, b) => a + b, 0);
  const svg = drawing("svg", { viewBox: `0 0 ${width} ${height}`, class: "bars", role: "img" },
    Object.assign(drawing("title"), { textContent: title + labels.map((l, i) => ` ${l}: ${values[i]};`).join("") }),
    drawing("line", { x1: 0, x2: width, y1: low, y2: low }));
  values.forEach((value, i) => {
    const tall = (low - top) * value / most;
    svg.append(drawing("rect", { x: i * room + 2, width: room - 4, y: low - tall, height: tall, rx: 2, class: fills[i] ?? "" }));
    const say = (text, y) => svg.append(Object.assign(
      drawing("text", { x: i * room + room / 2, y, "text-anchor": "middle" }), { textContent: text }));
    if (values.length <= 5) say(percent(value / total), low - tall - 3);
    if (labels[i]) say(labels[i], low + 12);
  });
  return svg;
}

function histogram(numbers, edges, labels, title) {
  const counts = new Array(edges.length).fill(0);
  for (const number of numbers) counts[edges.findIndex((edge) => number <= edge)] += 1;
  return bars(counts, labels, title);
}

function spans() {
  return scores.tokens.flatMap((token, i) => tokenOf(token, `b${bucketOf(scores.rank[i])}`, i));
}

function sentenceTable() {
  const text = scores.tokens.join("");
  let at = 0;
  const starts = scores.tokens.map((token) => { const start = at; at += token.length; return start; });
  // A token belongs where its first letter stands: the blank before a word is the word's.
  const letters = starts.map((start, i) => start + Math.max(0, scores.tokens[i].search(/\S/)));
  // What lies between two sentences is the earlier one's, what lies before them all the first one's.
  const begins = [0, ...sentencesOf(text).slice(1).map((s) => s.start)];
  const rows = begins.map((begin, k) => {
    const end = begins[k + 1] ?? Infinity;
    const own = letters.map((letter, i) => i).filter((i) => letters[i] >= begin && letters[i] < end);
    const mean = own.reduce((sum, i) => sum + scores.log_prob[i], 0) / Math.max(1, own.length);
    const top = own.filter((i) => scores.rank[i] <= 10).length / Math.max(1, own.length);
    return { text: text.slice(begin, end).trim(), mean, top, n: own.length };
  });
  const cells = rows.map((r) => element("tr", {}, element("td", { text: r.text }), element("td", { class: "n", text: r.n }),
    element("td", { class: "n", text: signed(r.mean, 2) }),
    element("td", {}, element("div", { class: "meter", "aria-hidden": "true" }, element("i", { width: `${100 * r.top}%` })), percent(r.top))));
  return element("table", {}, element("thead", {}, element("tr", {}, element("th", { text: "Sentence" }), element("th", { class: "n", text: "Tokens" }),
    element("th", { class: "n", text: "Mean log-probability, nats" }), element("th", { text: "Among the 10 likeliest" }))), element("tbody", {}, ...cells));
}

function show(found) {
  scores = found;
  $("#found").hidden = false;
  const counts = BUCKETS.map((_, i) => scores.rank.filter((rank) => bucketOf(rank) === i).length);
  const total = Math.max(1, scores.rank.length);
  $("#legend").replaceChildren(rankKey(counts.map((c) => c / total)));
  $("#tokens").replaceChildren(...spans());
  tips($("#tokens"), describe);
  $("#sentences").replaceChildren(sentenceTable());
  const counted = scores.tokens_used < scores.tokens_total ?
    `The first ${whole(scores.tokens_used)} of ${whole(scores.tokens_total)} tokens are shown.` : `${whole(scores.tokens_total)} tokens.`;
  $("#cut").textContent = `${counted} Each is judged by those before it; the first, which has none, by the mark that begins every text.`;
  $("#ranks").replaceChildren(bars(counts, ["1–10", "–100", "–1,000", "beyond"], "Tokens by rank.", ["f0", "f1", "f2", "f3"]));
  const tenths = [0.001, 0.01, 0.03, 0.1, 0.3, 1];
  $("#probabilities").replaceChildren(histogram(scores.log_prob.map(Math.exp), tenths, ["0.1 %", "1 %", "3 %", "10 %", "30 %", "100 %"], "Tokens by probability, at most."));
  const edges = [1, 2, 3, 4, 5, 6, 7, 8, Infinity];
  $("#entropies").replaceChildren(histogram(scores.entropy, edges, ["1", "2", "3", "4", "5", "6", "7", "8", "more"], "Tokens by entropy in nats, at most."));
  $("#statistics").replaceChildren(...Object.entries(MEANING).filter(([name]) => name in scores.statistics).map(([name, [title, write, meaning]]) =>
    element("tr", {}, element("td", { text: title }), element("td", { class: "n", text: write(scores.statistics[name]) }), element("td", { class: "small", text: meaning }))));
}

function view(sentences) {
  $("#tokens").hidden = sentences;
  $("#sentences").hidden = !sentences;
  $("#by-sentence").setAttribute("aria-pressed", sentences);
  $("#by-token").setAttribute("aria-pressed", !sentences);
}

$("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  working($("#go"), async () => {
    const text = $("#text").value;
    const [found] = (await ask("/api/score", { text })).scores;
    if ($("#text").value === text) show(found); // or it is of a text that is no longer there
  });
});
$("#text").addEventListener("input", () => { $("#found").hidden = true; });
$("#example").addEventListener("click", () => { $("#text").value = $("#example-text").content.textContent; $("#form").requestSubmit(); });
$("#by-token").addEventListener("click", () => view(false));
$("#by-sentence").addEventListener("click", () => view(true));
