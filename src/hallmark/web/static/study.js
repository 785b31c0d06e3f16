// The dashboard keeps itself up to date: the part that changes is fetched and put in its place.
"use strict";

const draw = (root) => {
  for (const bar of root.querySelectorAll("[data-share]")) bar.style.width = `${100 * bar.dataset.share}%`;
};

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
  if (!answer.ok || !fresh) return location.reload();
  draw(fresh);
  const live = document.querySelector("#live");
  if (!live.contains(document.activeElement)) live.replaceWith(fresh);
}

draw(document);
setInterval(() => refresh().catch(() => {}), 10000);
