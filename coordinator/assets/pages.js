// An open page of the dashboard: hears that something changed, asks for its main part anew, and
// changes what differs.

import { morphChildren } from "/assets/morph.js";
import { localize, nameZone } from "/assets/times.js";

const PART = { "x-vigilmon-part": "1" };
const main = document.getElementById("main");
let tag = "";
let asking = false;
let askAgain = false;

function lost(is) {
  document.getElementById("lost").hidden = !is;
  document.body.classList.toggle("lost", is);
}

function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  morphChildren(main, template.content);
  localize(main);
  const verdict = main.querySelector("h1");
  if (verdict) document.title = `${verdict.textContent.trim()} · Vigilmon`;
}

// How many heartbeats are down or late, in the navigation.
function wrong(count) {
  if (count === null) return;
  const shown = document.getElementById("wrong");
  shown.textContent = count;
  shown.hidden = count === "0";
}

// One question at a time; what comes meanwhile is one more.
async function refresh() {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    do {
      askAgain = false;
      const path = location.pathname + location.search;
      const answer = await fetch(path, { headers: { ...PART, "if-none-match": tag }, cache: "no-store" });
      if (answer.status === 401) return location.reload();
      wrong(answer.headers.get("x-vigilmon-heartbeats"));
      if (answer.status !== 304) {
        if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
        if (answer.status === 404) return location.reload();
        tag = answer.headers.get("etag") ?? "";
        show(await answer.text());
      }
      lost(false);
    } while (askAgain);
  } catch {
    lost(true);
  } finally {
    asking = false;
  }
}

// A hidden page listens to nothing: browsers have few connections for each site.
let stream = null;
let mark = document.body.dataset.mark;

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(`/live?since=${encodeURIComponent(mark)}`);
  stream.addEventListener("changed", (event) => {
    mark = event.data;
    refresh();
  });
  stream.addEventListener("ended", () => location.reload());
  stream.addEventListener("open", () => lost(false));
  stream.addEventListener("error", () => {
    lost(true);
    // A refusal ends the stream for good: ask again later.
    if (stream?.readyState === EventSource.CLOSED) {
      hush();
      setTimeout(() => refresh().then(listen), 5000);
    }
  });
}

function hush() {
  stream?.close();
  stream = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
addEventListener("pagehide", hush);
addEventListener("pageshow", listen);

// Finding while typing; without scripts Enter does it.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  clearTimeout(form.timer);
  form.timer = setTimeout(() => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `${form.action.split("?")[0]}?${query}` : form.action);
    refresh();
  }, 200);
});

// A row of a list leads where its name does; a selection of text is left alone.
document.addEventListener("click", (event) => {
  const row = event.target.closest(".list > li");
  const link = row?.querySelector("a.name");
  if (!link || event.target.closest("a, button, summary, input") || String(getSelection())) return;
  link.click();
});

localize(document);
nameZone(document.getElementById("zone"));
setInterval(() => localize(main), 1000);
listen();

// Run now: each region's answer as it comes.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-run]");
  if (!form) return;
  event.preventDefault();
  const place = document.getElementById(form.dataset.run);
  const button = form.querySelector("button");
  button.disabled = true;
  place.innerHTML = '<ul class="run"><li class="quiet">Asking every region…</li></ul>';
  const list = place.firstElementChild;
  try {
    const answer = await fetch(form.action, { method: "POST", headers: PART });
    if (!answer.ok) throw new Error(answer.statusText);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let html = "";
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      html += step.value;
      list.innerHTML = html;
    }
  } catch {
    list.innerHTML = '<li class="quiet">That did not reach the coordinator; please try again.</li>';
  }
  button.disabled = false;
});

// Copies the text of an element; where the browser does not let us, selects it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  } catch {
    getSelection().selectAllChildren(source);
  }
});

// The time zone of whoever begins to fill in a form, unless they say another.
const zone = document.querySelector("input[data-zone]");
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
