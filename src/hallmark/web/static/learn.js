// The Learn page: find the seam, without and with the colouring; then what accuracy is worth.
"use strict";

const ROUNDS = 6, SHOWN = 7;
const human = sentencesOf($("#human-text").content.textContent.replace(/\s+/g, " "));
const results = [];
let game = null;
let passages = []; // of the rounds to come
let shown = new Set(); // the sentences of the rounds before

const random = (below) => Math.floor(Math.random() * below);

// Of so many sentences one passage [from, to) a round, of two to five; none is in two of them, as
// whose a sentence is, is told after each round.
function passagesOf(count) {
  const kept = Array.from({ length: ROUNDS }, () => 2 + random(4));
  let spare = count - kept.reduce((sum, n) => sum + n, 0);
  for (; spare < 0; spare += 1) kept[kept.indexOf(Math.max(...kept))] -= 1;
  const gaps = Array(ROUNDS + 1).fill(0); // before each passage, and after the last
  for (; spare > 0; spare -= 1) gaps[random(gaps.length)] += 1;
  let at = 0;
  const found = kept.map((n, i) => { const from = at + gaps[i]; at = from + n; return [from, at]; });
  for (let i = found.length - 1; i > 0; i -= 1) {
    const other = random(i + 1);
    [found[i], found[other]] = [found[other], found[i]];
  }
  return found;
}

async function build([from, to]) {
  const kept = to - from;
  const begin = human.slice(from, to).map((s) => s.text.trim());
  const isNew = (s) => !shown.has(s) && !human.some((own) => own.text.trim() === s);
  const body = { prompt: begin.join(" "), max_tokens: 160, top_k: 40, temperature: 0.8 };
  const written = (await ask("/v1/completions", body)).choices[0].text.replace(/\s+/g, " ");
  const machine = sentencesOf(written).map((s) => s.text.trim()).filter((s) => /[.!?]["'”’)]*$/.test(s) && s.length > 15 && isNew(s)).slice(0, SHOWN - kept);
  if (!machine.length) return build([from, to]);
  const sentences = [...begin, ...machine];
  const text = sentences.join(" ");
  const scores = (await ask("/api/score", { text })).scores[0];
  return { sentences, seam: kept, scores, done: false };
}

function tokensOf(i) {
  const start = game.sentences.slice(0, i).reduce((sum, s) => sum + s.length + 1, 0);
  const end = start + game.sentences[i].length;
  let at = 0;
  const out = [];
  game.scores.tokens.forEach((token, k) => {
    const middle = at + token.length / 2 + (token.startsWith(" ") ? 0.5 : 0);
    if (middle >= start && middle < end + 0.5) out.push(...tokenOf(token, `b${bucketOf(game.scores.rank[k])}`));
    at += token.length;
  });
  return out;
}

function draw(coloured) {
  $("#sentences").replaceChildren(...game.sentences.map((sentence, i) => {
    const button = element("button", { type: "button", onclick: () => answer(i) });
    button.append(...(coloured ? tokensOf(i) : [sentence]));
    return element("li", {}, button);
  }));
  $("#key-box").replaceChildren(...(coloured ? [rankKey()] : []));
}

function answer(i) {
  if (game.done) return;
  game.done = true;
  const right = i === game.seam, off = Math.abs(i - game.seam);
  results.push(right);
  [...$("#sentences").children].forEach((li, k) => {
    const kind = k < game.seam ? "human" : "synthetic";
    li.classList.add(kind);
    if (k === i) li.classList.add("chosen");
    const button = li.firstElementChild;
    button.disabled = true;
    button.prepend(element("small", { text: `${k < game.seam ? "a person" : "the model"}${k === i ? " · your choice" : ""}` }));
  });
  $("#feedback").textContent = right ? "Right: that is where the model took over." :
    `The model took over ${off === 1 ? "one sentence" : `${off} sentences`} ${i < game.seam ? "later" : "earlier"}.`;
  tally();
  $("#next").hidden = false;
  $("#next").textContent = results.length === ROUNDS ? "Play again" : "Next text";
  $("#next").focus();
}

function tally() {
  const half = ROUNDS / 2, plain = results.slice(0, half), coloured = results.slice(half);
  const count = (list) => `${list.filter(Boolean).length} of ${list.length}`;
  $("#tally").textContent = !plain.length ? "" : coloured.length ? `without colours ${count(plain)} · with ${count(coloured)}` : `${count(plain)} right`;
  if (results.length === ROUNDS) {
    $("#feedback").textContent += ` You found ${count(plain)} without the colouring and ${count(coloured)} with it. ` +
      "Six texts say little; in GLTR’s study (Gehrmann et al. 2019) the share rose from 54 % to 72 %.";
  }
}

$("#next").addEventListener("click", () => working($("#next"), async () => {
  if (results.length === ROUNDS) { results.length = 0; tally(); }
  if (!results.length) { passages = passagesOf(human.length); shown = new Set(); }
  game = await build(passages[results.length]);
  game.sentences.forEach((s) => shown.add(s));
  const coloured = results.length >= ROUNDS / 2;
  $("#round").textContent = `Text ${results.length + 1} of ${ROUNDS}${coloured ? ", with colours" : ""}`;
  $("#hint").textContent = coloured ? "The legend’s first colour is on words that the model expected. From where on do they prevail?" : "Choose the first sentence that you think the model wrote.";
  $("#feedback").textContent = "";
  draw(coloured);
  $("#next").hidden = true;
}));

function dots() {
  const synthetic = Number($("#rare").value), accuracy = Number($("#right").value) / 1000;
  const hit = synthetic * accuracy, wrong = (1000 - synthetic) * (1 - accuracy);
  const drawn = [Math.round(hit), Math.round(wrong)]; // only whole texts can be drawn
  const kinds = [[drawn[0], "hit"], [synthetic - drawn[0], "miss"], [drawn[1], "false"], [1000 - synthetic - drawn[1], null]];
  $("#dots").replaceChildren(...kinds.flatMap(([n, kind]) => Array.from({ length: n }, () => element("i", { class: kind }))));
  const words = `On average ${expected(hit + wrong)} flags: ${expected(hit)} right, ${expected(wrong)} wrong; ${expected(synthetic - hit)} missed.`;
  $("#dots").setAttribute("aria-label", words);
  $("#wrong-share").textContent = percent(wrong / (wrong + hit));
  $("#wrong-words").textContent = words;
  $("#accuracy").textContent = chosen(accuracy);
  for (const [slider, box, scale] of TIED) $(slider).setAttribute("aria-valuetext", `${$(slider).value / scale} ${scale === 1 ? "of 1,000" : "%"}`);
}

// A slider and the box beside it: each follows the other. The slider counts in `scale`ths.
const TIED = [["#rare", "#rare-number", 1], ["#right", "#right-percent", 10]];
for (const [slider, box, scale] of TIED) {
  const follow = () => { $(box).value = $(slider).value / scale; dots(); };
  $(slider).addEventListener("input", follow);
  $(box).addEventListener("input", () => {
    if ($(box).value && $(box).checkValidity()) { $(slider).value = $(box).valueAsNumber * scale; dots(); }
  });
  $(box).addEventListener("change", follow);
  follow();
}
