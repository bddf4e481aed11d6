// The demonstration's page: shows what the coordinator streams, and asks it to break and mend.

const at = (id) => document.getElementById(id);

function part(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function clock(text) {
  return new Date(text).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function age(seconds) {
  if (seconds === null) return "";
  return seconds < 60 ? `${Math.round(seconds)} s ago` : `${Math.round(seconds / 60)} min ago`;
}

function monitor(row) {
  const card = at("monitor").content.cloneNode(true).firstElementChild;
  card.classList.add(row.status);
  card.querySelector(".name").textContent = row.name;
  card.querySelector(".status").textContent = row.status;
  card.querySelector(".target").textContent = row.target;
  card.querySelector(".why").textContent = row.reason;
  const regions = card.querySelector(".regions");
  for (const region of row.regions) {
    const item = part("li", region.vote);
    item.append(part("span", "", `${region.name}: ${region.text}`), part("span", "age", age(region.age_seconds)));
    regions.append(item);
  }
  return card;
}

function line(className, first, when, rest) {
  const item = part("li", className);
  const head = part("div", "first", first);
  head.append(part("span", "when", when));
  item.append(head, part("div", "rest", rest));
  return item;
}

function fill(id, items, none) {
  at(id).replaceChildren(...(items.length ? items : [part("li", "none", none)]));
}

function show(state) {
  at("site").textContent = state.broken ? "the site is broken" : "the site is well";
  at("break").disabled = state.broken;
  at("mend").disabled = !state.broken;
  at("monitors").replaceChildren(...state.monitors.map(monitor));
  fill("incidents", state.incidents.map((i) =>
    line(i.open ? "open" : "resolved", i.title, clock(i.started_at), i.text)), "None: all is well.");
  fill("inbox", state.inbox.map((m) =>
    line(m.bad ? "open" : "resolved", m.subject, clock(m.at), m.text)), "Nothing yet.");
}

async function ask(what) {
  at("break").disabled = at("mend").disabled = true;
  await fetch(`/demo/${what}`, { method: "POST", headers: { "x-vigilmon-demo": "1" } });
}

at("break").addEventListener("click", () => ask("break"));
at("mend").addEventListener("click", () => ask("mend"));

const events = new EventSource("/demo/events");
events.onmessage = (event) => show(JSON.parse(event.data));
events.onerror = () => { at("site").textContent = "the coordinator does not answer; trying again"; };
