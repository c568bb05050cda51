// What is packed in this file, and the making of elements. Text of pages, cells and addresses becomes text nodes and nothing else.

const byId = (id) => document.getElementById(id);

/** An element. Properties are set as properties, names with a hyphen as attributes; strings among the children are text. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Puts children in the place of what an element holds; those that are null are left out. */
function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

/** A link to a page of the web; the bare text of any other address. */
function link(address, text = address) {
  const isWeb = /^https?:\/\//i.test(address ?? "");
  if (!isWeb) return make("span", { class: "address" }, text || address || "");
  return make("a", { href: address, rel: "noopener noreferrer", target: "_blank", class: "address" }, text || address);
}

/** The JSON value of a packed element; null if there is none. */
async function unpack(id) {
  const element = byId(id);
  if (!element) return null;
  const letters = atob(element.textContent);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

const KEPT = 24; // packed pieces that stay unpacked
const unpacked = new Map();

/** The same, of pieces that are wanted again and again. */
function piece(id) {
  const found = unpacked.get(id) ?? unpack(id);
  unpacked.delete(id);
  unpacked.set(id, found);
  if (unpacked.size > KEPT) unpacked.delete(unpacked.keys().next().value);
  return found;
}

function say(text) {
  byId("live").textContent = "";
  byId("live").textContent = text;
}

const counted = (number, word, words = `${word}s`) => `${number.toLocaleString("en")} ${number === 1 ? word : words}`;
const money = (usd) => (usd === null || usd === undefined ? "cost unknown" : usd === 0 ? "$0" : `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`);

/** A moment in the time of this machine, written as everywhere else: `2026-11-30 17:39`. */
function moment(iso) {
  const at = new Date(iso), two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
