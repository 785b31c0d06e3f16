// The panel of one verdict on the Detect page: what it is worth at the reader's own prior.
"use strict";

const TONES = { "likely human": "human", "cannot tell": "unsure", "likely synthetic": "synthetic" };
const SHAPES = {
  human: "M16 4a12 12 0 1 0 0 24a12 12 0 1 0 0-24z",
  unsure: "M5 13h22v6H5z",
  synthetic: "M16 3 29 16 16 29 3 16z",
};
// One name for each rate, in the panel, the table and "All numbers".
const FLAGGED = "Of human texts, flagged wrongly", MISSED = "Of synthetic texts, missed";
const EVEN = 0.5; // the service is asked at even odds, at which no prior outweighs a score

// The verdict at a prior: as the service itself would give it (`judge.py`), without reading the text
// again; but "cannot tell" has no probability here, where the service gives that of the score: only
// the reason says it where the prior outweighs the score.
function weighed(verdict, prior) {
  if (verdict.band === "cannot tell") return { ...verdict, prior, probability: null };
  const ratio = verdict.likelihood_ratio;
  if (!isNumber(ratio)) return { ...verdict, prior, probability: prior === verdict.prior ? verdict.probability : null };
  const probability = 1 / (1 + (1 - prior) / (ratio * prior));
  const side = verdict.band === "likely synthetic" ? "synthetic" : "human";
  if (side === "synthetic" ? probability > 0.5 : probability < 0.5) return { ...verdict, prior, probability };
  const reason = `such a score is more common in ${side} text, but not by enough where ` +
    `${chosen(prior)} of such texts are synthetic before one is read: the probability that this one is synthetic is ${percent(probability)}`;
  return { ...verdict, prior, probability: null, band: "cannot tell", reason };
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// A button that explains a name; `about-ID` is in the template.
const explained = (id, name) => element("button", {
  type: "button", class: "about", popovertarget: `about-${id}`, "aria-label": `What is meant: ${name}`, text: "?",
});

function bandCard({ band, score }) {
  const tone = TONES[band] ?? "unsure";
  const kind = tone === "synthetic" ? "what models write" : "what people write";
  const doubt = isNumber(score) ? "for this text, a claim would err too often" : "this text gives no ground for a claim";
  const sentence = tone === "unsure" ? `That is an answer too: ${doubt}.` :
    `By its wording it is closer to ${kind}. It says nothing of who wrote it.`;
  const shape = drawing("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    drawing("path", { d: SHAPES[tone], fill: "currentColor" }));
  return element("div", { class: `band ${tone}` }, shape,
    element("div", {}, element("strong", { text: capital(band) }), element("span", { text: sentence })));
}

function ratioWords(ratio) {
  const times = ratio >= 1 ? ratio : 1 / ratio;
  const shown = !Number.isFinite(times) || times > 1000 ? "over 1,000" :
    times < 10 ? times.toPrecision(2) : whole(Number(times.toPrecision(2))); // never 1.3e+2
  return `${shown} times as common in ${ratio >= 1 ? "synthetic" : "human"} text`;
}

// `verdict` as it was given tells which bounds belong to it; `view` is it at the prior.
function facts(verdict, view) {
  const list = element("dl", { class: "facts" });
  const fact = (name, value, ...more) => list.append(element("dt", {}, name, ...more), element("dd", { text: value }));
  if (view.reason) fact("Why", `${capital(view.reason)}.`);
  if (isNumber(verdict.likelihood_ratio)) fact("Evidence", `A score like this is ${ratioWords(verdict.likelihood_ratio)}.`);
  // Each claim rests on one bound; where none is made, both say why.
  const bound = (id, name, rate, n, as) => isNumber(rate) && fact(name,
    `At most ${percent(rate)} (those of this length that score as ${as}; 95 % bound${isNumber(n) ? `, n = ${whole(n)}` : ""}).`,
    " ", explained(id, name));
  if (verdict.band !== "likely human") bound("flagged", FLAGGED, verdict.false_positive_rate, verdict.false_positive_n, "high");
  if (verdict.band !== "likely synthetic") bound("missed", MISSED, verdict.false_negative_rate, verdict.false_negative_n, "low");
  fact("Length", `${whole(verdict.tokens_used)} of ${whole(verdict.tokens_total)} tokens were read` +
    (verdict.tokens_used < verdict.tokens_total ? ", from the beginning." : "."));
  fact("Tampering", verdict.tampered ? "Characters that seem meant to mislead detectors were found, and repaired." :
    "No hidden or look-alike characters found.");
  return list;
}

const three = (value) => String(Number(value.toFixed(3)));
const share = (value) => {
  const hundred = Number((100 * value).toFixed(3));
  if (value < 1 && hundred === 100) return "> 99.999 %";
  return value > 0 && hundred === 0 ? "< 0.001 %" : `${hundred} %`;
};
const SCALE = "the detector’s scale; nats for the bundled one";
const FIELDS = { // name, how it is written, unit or meaning
  band: ["How it looks", String, ""],
  score: ["Score, the text repaired", three, SCALE],
  raw_score: ["Score, the text as given", three, SCALE],
  likelihood_ratio: ["Likelihood ratio", (v) => (v < 1000 ? String(Number(v.toPrecision(3))) : whole(v)), "times as common in synthetic as in human text"],
  prior: ["Prior", chosen, "of such texts, synthetic"],
  probability: ["Probability synthetic", share, "at this prior"],
  false_positive_rate: [`${FLAGGED}: at most`, share, "95 % bound; that score as high"],
  false_positive_n: ["counted on", whole, "human texts of this length"],
  false_negative_rate: [`${MISSED}: at most`, share, "95 % bound; that score as low"],
  false_negative_n: ["counted on", whole, "synthetic texts of this length"],
  "flags human": ["Human texts to compare with", whole, "texts"],
  "flags human as high": ["of these, scoring as high", whole, "texts"],
  "flags synthetic": ["Synthetic texts to compare with", whole, "texts"],
  "flags synthetic as high": ["of these, scoring as high", whole, "texts"],
  tokens_used: ["Tokens read", whole, "tokens"],
  tokens_total: ["Tokens in all", whole, "tokens"],
  tampered: ["Tampered with", (v) => (v ? "yes" : "no"), ""],
  calibration: ["Certificate on texts of your own", String, ""], // where there is none
  "calibration sha256": ["Certificate on texts of your own", String, "SHA-256"],
  "calibration target fpr": ["It asks: of human texts, flagged at most", share, "of all that are like its texts"],
  "calibration dates": ["Dates of its texts", String, ""],
};

// Every number of a verdict as [name, value]; what is nested gets the names of both.
const flat = (record, before = "") => Object.entries(record).flatMap(([name, value]) => {
  const full = before ? `${before} ${name.replaceAll("_", " ")}` : name;
  return value !== null && typeof value === "object" ? flat(value, full) : [[full, value]];
});

function allNumbers(view) {
  const found = flat(view).filter(([name, value]) => name !== "reason" && value !== "" && !(name === "flags" && value === null));
  const at = (name) => { const i = Object.keys(FIELDS).indexOf(name); return i < 0 ? Infinity : i; };
  const rows = found.sort(([a], [b]) => (at(a) - at(b)) || 0).map(([name, value]) => {
    const [title, write, unit] = FIELDS[name] ?? [capital(name.replaceAll("_", " ")), String, name.startsWith("repairs") ? "characters" : ""];
    const written = value === null || value === undefined ? DASH : typeof value === "string" ? value : write(value);
    return element("tr", {}, element("th", { scope: "row" }, title, element("small", { text: unit })), element("td", { class: "n", text: written }));
  });
  const head = element("tr", {}, element("th", { text: "Number" }), element("th", { class: "n", text: "Value" }));
  return element("details", {}, element("summary", { text: "All numbers" }),
    element("div", { class: "scroll" }, element("table", { class: "numbers" }, element("thead", {}, head), element("tbody", {}, ...rows))),
    element("button", {
      type: "button", class: "quiet", text: "Save these as JSON",
      onclick: () => download("verdict.json", "application/json", JSON.stringify(view, null, 2)),
    }));
}

function splitBar(right, wrong, kinds, words) {
  const part = wrong / Math.max(wrong + right, 1e-9);
  return [
    element("div", { class: `split ${kinds}`, role: "img", "aria-label": words.join(", ") },
      element("span", { class: "right", width: `${100 - 100 * part}%` }), element("span", { class: "wrong", width: `${100 * part}%` })),
    element("ul", { class: `key ${kinds}` }, element("li", {}, element("i", { class: "right" }), words[0]),
      element("li", { id: "wrong" }, element("i", { class: "wrong" }), words[1])),
  ];
}

const small = (...parts) => element("p", { class: "small" }, ...parts);

// Flag all that score as high as this text: how many of the flags are wrong?
function flagged(verdict, { prior, probability }) {
  const { human, human_as_high, synthetic, synthetic_as_high } = verdict.flags;
  if (!synthetic_as_high) {
    return [small("If every text that scores at least as high were flagged, how many of the flags would be wrong cannot be " +
      `counted: none of ${whole(synthetic)} synthetic texts of this length scored as high.`)];
  }
  const wrong = 1000 * (1 - prior) * Math.max(verdict.false_positive_rate, human_as_high / human);
  const right = 1000 * prior * synthetic_as_high / synthetic;
  return [
    small("Flag every text that scores at least as high, among 1,000 such texts:"),
    ...splitBar(right, wrong, "flags", [`${expected(right)} synthetic, found`, `up to ${expected(wrong)} human, flagged wrongly`]),
    small(`Of these flags, wrong: up to ${percent(wrong / Math.max(wrong + right, 1e-9))}. `, explained("flags", "Of these flags, wrong"),
      ` Of ${whole(synthetic)} synthetic texts of this length, ${whole(synthetic_as_high)} scored as high.`),
    ...(isNumber(probability) ? [small("The probability above is about texts with just this score; the share of wrong flags is about all " +
      "that score as high or higher, and at worst.")] : []),
  ];
}

// Pass all that score as low as this text: how many synthetic ones slip through?
function cleared(verdict, { prior }) {
  const { human, human_as_high, synthetic, synthetic_as_high } = verdict.flags;
  if (human_as_high === human) {
    return [small("This text would not be flagged. Of those that score as low or lower, how many are synthetic cannot be " +
      `counted: none of ${whole(human)} human texts of this length scored lower.`)];
  }
  const missed = Math.max(verdict.false_negative_rate ?? 0, 1 - synthetic_as_high / synthetic);
  const wrong = 1000 * prior * missed, right = 1000 * (1 - prior) * (1 - human_as_high / human);
  return [
    small("This text would not be flagged. Of 1,000 such texts, those that score as low or lower:"),
    ...splitBar(right, wrong, "passes", [`${expected(right)} human`, `${verdict.false_negative_rate ? "up to" : "about"} ${expected(wrong)} synthetic, missed`]),
    small(`Of ${whole(synthetic)} synthetic texts of this length, ${whole(synthetic - synthetic_as_high)} scored lower.`),
  ];
}

// What this score is worth where synthetic texts are rare or common.
function worth(verdict, view) {
  if (verdict.band === "cannot tell") return [element("p", { text: "Of this text nothing is claimed, so it has no probability, whatever the share." })];
  const said = isNumber(view.probability) ?
    [", this one is with probability ", element("output", { class: "number", id: "probability", text: percent(view.probability) }), "."] :
    [view.band === "cannot tell" ? ", such a score is not enough for a claim." : "."];
  const told = [element("p", {}, "If ", element("span", { class: "number", text: chosen(view.prior) }), " of such texts are synthetic", ...said)];
  if (!verdict.flags) return told;
  return [...told, ...(verdict.band === "likely synthetic" ? flagged : cleared)(verdict, view)];
}
