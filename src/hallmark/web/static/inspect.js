// The Inspect page: GLTR's reading of a text, histograms, sentences, statistics.
"use strict";

const MEANING = {
  "log-likelihood": ["Mean log-probability (nats)", "Nearer 0: the model expected these words."],
  "log-rank": ["Minus mean log-rank", "Nearer 0: words from the top of the list."],
  rank: ["Minus mean rank", "The same without the logarithm; a few rare words decide it."],
  entropy: ["Minus mean entropy (nats)", "Nearer 0: the text stays where the model is sure."],
  lrr: ["Log-likelihood over log-rank", "Higher: likely even for its ranks (Su et al. 2023)."],
  "gltr-top10": ["Share among the 10 likeliest", "GLTR’s green; high under top-k sampling."],
  "fast-detectgpt": ["Curvature (standard deviations)", "Above 0: likelier than the model’s own samples would be (Bao et al. 2024)."],
};
let scores = null;

function describe(i) {
  return [
    element("code", { text: JSON.stringify(scores.tokens[i]) }),
    element("table", {}, ...[
      ["rank", whole(scores.rank[i])], ["probability", percent(Math.exp(scores.log_prob[i]))],
      ["entropy", `${scores.entropy[i].toFixed(2)} nats`],
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
  const rows = sentencesOf(text).map((s) => {
    const own = starts.map((start, i) => i).filter((i) => starts[i] >= s.start - 1 && starts[i] < s.end - 1);
    const mean = own.reduce((sum, i) => sum + scores.log_prob[i], 0) / Math.max(1, own.length);
    const top = own.filter((i) => scores.rank[i] <= 10).length / Math.max(1, own.length);
    return { text: s.text.trim(), mean, top, n: own.length };
  });
  const cells = rows.map((r) => element("tr", {}, element("td", { text: r.text }), element("td", { class: "n", text: r.n }),
    element("td", { class: "n", text: r.mean.toFixed(2) }),
    element("td", {}, element("div", { class: "meter", role: "img", "aria-label": percent(r.top) }, element("i", { width: `${100 * r.top}%` })))));
  return element("table", {}, element("thead", {}, element("tr", {}, element("th", { text: "Sentence" }), element("th", { class: "n", text: "Tokens" }),
    element("th", { class: "n", text: "Mean log-prob." }), element("th", { text: "In the top 10" }))), element("tbody", {}, ...cells));
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
  $("#cut").textContent = scores.tokens_used < scores.tokens_total ?
    `The first ${whole(scores.tokens_used)} of ${whole(scores.tokens_total)} tokens are shown.` : `${whole(scores.tokens_total)} tokens.`;
  $("#ranks").replaceChildren(bars(counts, ["1–10", "–100", "–1,000", "beyond"], "Tokens by rank.", ["f0", "f1", "f2", "f3"]));
  const tenths = [0.001, 0.01, 0.03, 0.1, 0.3, 1];
  $("#probabilities").replaceChildren(histogram(scores.log_prob.map(Math.exp), tenths, ["0.1 %", "1 %", "3 %", "10 %", "30 %", "100 %"], "Tokens by probability, at most."));
  const nats = [1, 2, 3, 4, 5, 6, 7, 8, Infinity];
  $("#entropies").replaceChildren(histogram(scores.entropy, nats, ["1", "2", "3", "4", "5", "6", "7", "8", "more"], "Tokens by entropy in nats, at most."));
  $("#statistics").replaceChildren(...Object.entries(MEANING).filter(([name]) => name in scores.statistics).map(([name, [title, meaning]]) =>
    element("tr", {}, element("td", { text: title }), element("td", { class: "n", text: scores.statistics[name].toFixed(3) }), element("td", { class: "small", text: meaning }))));
}

function view(sentences) {
  $("#tokens").hidden = sentences;
  $("#sentences").hidden = !sentences;
  $("#by-sentence").setAttribute("aria-pressed", sentences);
  $("#by-token").setAttribute("aria-pressed", !sentences);
}

$("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  working($("#go"), async () => show((await ask("/api/score", { text: $("#text").value })).scores[0]));
});
$("#example").addEventListener("click", () => { $("#text").value = $("#example-text").content.textContent; $("#form").requestSubmit(); });
$("#by-token").addEventListener("click", () => view(false));
$("#by-sentence").addEventListener("click", () => view(true));
