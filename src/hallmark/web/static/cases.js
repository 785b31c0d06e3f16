// The case page: how a model sees a text, token by token, on demand.
"use strict";

async function read(button, place) {
  const form = new FormData();
  form.append("text", button.dataset.text);
  const scores = await ask(`/cases/${button.dataset.case}/tokens`, form);
  const counts = BUCKETS.map((_, i) => scores.rank.filter((rank) => bucketOf(rank) === i).length);
  const total = Math.max(1, scores.rank.length);
  const tokens = element("div", { class: "text", tabindex: "0", role: "group", "aria-label": "Tokens; the arrow keys go from one to the next" },
    ...scores.tokens.flatMap((token, i) => tokenOf(token, `b${bucketOf(scores.rank[i])}`, i)));
  const cut = scores.tokens_used < scores.tokens_total ? ` The first ${whole(scores.tokens_used)} of ${whole(scores.tokens_total)} tokens.` : "";
  place.replaceChildren(rankKey(counts.map((c) => c / total)), tokens,
    element("p", { class: "small", text: `Colours say how far down a model’s list each word stood. This explains a text; it proves nothing.${cut}` }));
  tips(tokens, (i) => [
    element("code", { text: JSON.stringify(scores.tokens[i]) }),
    element("table", {}, ...[["rank", whole(scores.rank[i])], ["probability", percent(Math.exp(scores.log_prob[i]))]].map(
      ([name, value]) => element("tr", {}, element("td", { text: name }), element("td", { text: value })))),
  ]);
}

for (const button of document.querySelectorAll("button.tokens")) {
  button.addEventListener("click", () => working(button, async () => {
    const place = button.closest("li").querySelector(".read");
    if (!place.childElementCount) await read(button, place);
    place.hidden = !place.hidden;
    button.setAttribute("aria-expanded", String(!place.hidden));
    button.textContent = place.hidden ? "Token view" : "Hide tokens";
  }));
}
