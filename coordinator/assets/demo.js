// The demonstration's page: shows what the coordinator streams, and asks it to break and mend.
// What is shown changes in place, so that ages tick without a jump, a selection stays, and a
// screen reader is told only when the verdict changes.

const at = (id) => document.getElementById(id);

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function writeCut(line, element, text) {
  line.title = text;
  write(element, text);
}

const two = (number) => String(number).padStart(2, "0");

function writeTime(element, utc) {
  if (element.dateTime === utc) return;
  const time = new Date(utc);
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const today = time.toDateString() === new Date().toDateString();
  element.dateTime = utc;
  element.title = `${utc.slice(0, 19).replace("T", " ")} UTC`;
  write(element, time.toLocaleString([], today ? clock : { month: "short", day: "numeric", ...clock }));
}

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(Math.floor(seconds % 60))} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

function age(seconds) {
  if (seconds === null) return "";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

// Makes a list show `items`, each in the element that its key had before.
function fill(list, template, items, key, show, nothing) {
  const before = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const after = items.map((item) => {
    const known = before.get(key(item));
    const element = known ?? at(template).content.cloneNode(true).firstElementChild;
    element.dataset.key = key(item);
    show(element, item);
    return element;
  });
  if (!after.length && nothing) {
    const none = before.get("") ?? document.createElement("li");
    none.dataset.key = "";
    none.className = "nothing";
    write(none, nothing);
    after.push(none);
  }
  const same = after.length === list.children.length && after.every((e, i) => e === list.children[i]);
  if (!same) list.replaceChildren(...after);
}

function showRegion(element, region) {
  element.className = region.text === region.vote ? `${region.vote} plain` : region.vote;
  write(element.querySelector(".name"), region.name);
  write(element.querySelector(".text"), region.text);
  write(element.querySelector(".age"), age(region.age_seconds));
}

function why(monitor) {
  const down = monitor.regions.filter((region) => region.vote === "down").length;
  const need = `${monitor.required} needed`;
  if (down) return `${down} of ${monitor.regions.length} regions vote down; ${need}`;
  return monitor.reason || `no region votes down; ${need}`;
}

function showMonitor(element, monitor) {
  element.className = `card ${monitor.status}`;
  write(element.querySelector(".name"), monitor.name);
  write(element.querySelector(".pill"), monitor.status);
  write(element.querySelector(".target"), monitor.target);
  write(element.querySelector(".why"), why(monitor));
  fill(element.querySelector(".regions"), "region-row", monitor.regions, (r) => r.region, showRegion);
}

function showPing(element, ping) {
  element.className = ping.bad ? "down" : "up";
  element.title = `${ping.signal}, ${ping.at.slice(0, 19).replace("T", " ")} UTC`;
}

function showHeartbeat(element, heartbeat) {
  const since = (time) => (time ? (Date.now() - new Date(time)) / 1000 : null);
  const last = since(heartbeat.last_ping_at);
  element.className = `card ${heartbeat.status}`;
  write(element.querySelector(".name"), heartbeat.name);
  write(element.querySelector(".pill"), heartbeat.status);
  write(element.querySelector(".target"), `a ping expected ${heartbeat.schedule}`);
  const said = last === null ? "no ping yet" : `last ping ${last < 1 ? "just now" : age(last)}`;
  write(element.querySelector(".why"), heartbeat.status === "down" && heartbeat.reason ? `${said} · ${heartbeat.reason}` : said);
  fill(element.querySelector(".pings"), "ping-row", heartbeat.pings.toReversed(), (p) => p.at, showPing);
}

function showIncident(element, incident) {
  const lasted = (new Date(incident.ended_at) - new Date(incident.started_at)) / 1000;
  element.className = incident.status;
  write(element.querySelector(".name"), incident.what);
  write(element.querySelector(".pill"), `${incident.scope}, ${incident.status}`);
  writeTime(element.querySelector("time"), incident.started_at);
  write(element.querySelector(".rest"), [incident.reason, incident.regions.join(", ")].filter(Boolean).join(" · "));
  write(element.querySelector(".lasted"), incident.ended_at ? `, lasted ${span(lasted)}` : "");
  writeCut(element.querySelector(".cut"), element.querySelector("code"), `vigilmon incident why ${incident.id}`);
}

function showMessage(element, message) {
  element.className = message.bad ? "down" : "up";
  write(element.querySelector(".name"), message.subject);
  writeTime(element.querySelector("time"), message.at);
  // The text begins with its subject.
  const text = message.text.startsWith(message.subject) ? message.text.slice(message.subject.length) : message.text;
  const lines = text.split("\n").filter(Boolean);
  const link = /^https?:/.test(lines.at(-1)) ? lines.pop() : "";
  write(element.querySelector(".rest"), lines.join("\n"));
  writeCut(element.querySelector(".cut"), element.querySelector(".cut"), link);
}

function verdict(monitors) {
  const count = (status) => monitors.filter((monitor) => monitor.status === status).length;
  const of = (number) => `${number} of ${monitors.length} monitors`;
  if (count("down")) return ["down", count("down") === monitors.length ? "All monitors are down" : `${of(count("down"))} down`];
  const partly = monitors.filter((monitor) => monitor.regions.some((region) => region.vote === "down")).length;
  if (partly) return ["degraded", `${of(partly)} failing in some regions`];
  if (count("degraded")) return ["degraded", `${of(count("degraded"))} degraded`];
  if (count("unknown")) return ["unknown", "Waiting for votes"];
  return ["up", "All monitors are up"];
}

// For whom the site is broken: nobody "", one region, or all; null while that is not known.
let broken = null;
let one = "";

function site(state) {
  if (state.broken) return "The site is broken.";
  if (state.broken_in.length) return `The site is broken for ${state.broken_in.join(", ")} only.`;
  return "The site is well.";
}
let asked = false;

function showDeeds() {
  const may = (button, yes) => at(button).setAttribute("aria-disabled", String(!yes));
  may("break", broken === "" || broken === "one" ? !asked : false);
  may("break-one", broken === "" && !asked);
  may("mend", Boolean(broken) && !asked);
}

function showVerdict(status, text, site) {
  document.body.classList.remove("up", "down", "degraded", "unknown");
  document.body.classList.add(status);
  at("verdict").className = at("now").className = status;
  write(at("verdict-text"), text);
  write(at("site"), site);
  document.title = `${text} · Vigilmon demonstration`;
}

function show(state) {
  const now = state.broken ? "all" : state.broken_in.length ? "one" : "";
  if (broken !== now) asked = false;
  broken = now;
  one = state.one_region?.region ?? "";
  write(at("break-one"), `Break in ${state.one_region?.name ?? "one region"}`);
  document.body.classList.remove("lost");
  showVerdict(...verdict(state.monitors), site(state));
  showDeeds();
  fill(at("monitors"), "monitor-row", state.monitors, (m) => m.name, showMonitor);
  at("jobs").hidden = !state.heartbeats.length;
  fill(at("heartbeats"), "heartbeat-row", state.heartbeats, (h) => h.name, showHeartbeat);
  fill(at("incidents"), "incident-row", state.incidents, (i) => i.id, showIncident, "None so far.");
  fill(at("inbox"), "message-row", state.inbox, (m) => `${m.at} ${m.subject}`, showMessage, "No message so far.");
}

function lost() {
  document.body.classList.add("lost");
  broken = null;
  asked = false;
  showVerdict("unknown", "No word from the coordinator", "Trying again; what is shown below may be old.");
  showDeeds();
}

async function ask(button) {
  const what = button === "break-one" ? `break?region=${encodeURIComponent(one)}` : button;
  if (at(button).getAttribute("aria-disabled") === "true") return;
  asked = true;
  showDeeds();
  try {
    const answer = await fetch(`/demo/${what}`, { method: "POST", headers: { "x-vigilmon-demo": "1" } });
    if (!answer.ok) throw new Error(answer.statusText);
  } catch {
    asked = false;
    showDeeds();
    write(at("site"), "That did not reach the coordinator; please try again.");
  }
}

for (const what of ["break", "break-one", "mend"]) at(what).addEventListener("click", () => ask(what));
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) write(at("zone"), zone === "UTC" ? "Times are in UTC." : `Times are those of ${zone}; point at one to see it in UTC.`);

const events = new EventSource("/demo/events");
events.onmessage = (event) => show(JSON.parse(event.data));
events.onerror = lost;
