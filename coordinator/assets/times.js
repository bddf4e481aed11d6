// Times: the server writes UTC, here they become the reader's, and ages grow by themselves.

const two = (number) => String(number).padStart(2, "0");

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d`;
}

// Only of what may lie ahead it is said that it does: clocks differ.
function age(seconds, mayLieAhead) {
  if (mayLieAhead && seconds <= -1) return `in ${span(-seconds)}`;
  return seconds < 1 ? "just now" : `${span(seconds)} ago`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function local(time) {
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const today = time.toDateString() === new Date().toDateString();
  return time.toLocaleString([], today ? clock : { year: "numeric", month: "short", day: "numeric", ...clock });
}

// Of all times below an element.
export function localize(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const utc = element.dateTime;
    const time = new Date(utc);
    if (Number.isNaN(time.getTime())) continue;
    const full = `${utc.slice(0, 19).replace("T", " ")} UTC`;
    if (element.classList.contains("ago")) {
      element.title = `${local(time)} (${full})`;
      write(element, age((Date.now() - time) / 1000, element.classList.contains("until")));
    } else if (element.dataset.shown !== utc) {
      element.dataset.shown = utc;
      element.title = full;
      write(element, local(time));
    }
  }
}

export function nameZone(element) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && zone !== "UTC") write(element, `Times are those of ${zone}; point at one to see it in UTC.`);
}
