// Makes what is shown like what the server says now, changing only what differs: focus, selection,
// scroll, opened details and half-written texts stay.

// What a child is known by from one state to the next.
const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : "");

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
}

// What the reader changed is theirs.
function isTheirs(element, name) {
  if (name === "open") return element.nodeName === "DETAILS";
  return name === "title" || name === "data-shown" ? element.nodeName === "TIME" : false;
}

function morphAttributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !isTheirs(from, name)) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !isTheirs(from, name)) from.removeAttribute(name);
  }
}

function morphNode(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  // Fields are the reader's; a script fills what is marked so.
  if (from.matches("input:not([type=hidden]), textarea, [data-kept]")) return;
  const sameTime = from.nodeName === "TIME" && from.dateTime === to.dateTime;
  morphAttributes(from, to);
  if (!sameTime) morphChildren(from, to);
}

export function morphChildren(from, to) {
  const known = new Map();
  for (const child of from.children) if (child.id) known.set(child.id, child);
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const id = key(wanted);
    let match = id ? known.get(id) : at;
    if (!id) while (match && key(match) && !alike(match, wanted)) match = match.nextSibling;
    if (match && alike(match, wanted)) {
      if (match === at) at = at.nextSibling;
      else from.insertBefore(match, at);
      morphNode(match, wanted);
    } else {
      from.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
