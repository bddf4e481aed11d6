// Times: the server writes UTC, here they become the reader's, and ages grow by themselves.

const two = (number) => String(number).padStart(2, "0");

function age(seconds) {
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
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
      write(element, age((Date.now() - time) / 1000));
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
