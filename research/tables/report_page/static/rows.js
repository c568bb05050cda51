// The rows, column by column, and the view of them: which are shown, in which order.

const CONFIDENCE = ["none", "low", "medium", "high"];
const AGAINST = 1, UNSUPPORTED = 2, SUSPICIOUS = 4;

const rows = { count: 0, index: [], key: [], status: [], error: [], cost: [], inputs: [], values: [], confidence: [], marks: [], kinds: [], pCorrect: null, change: null };

async function loadRows(about) {
  const blocks = await Promise.all(Array.from({ length: about.blocks }, (_, number) => unpack(`rows-${number}`)));
  const joined = (lists) => [].concat(...lists);
  const digits = (texts) => Uint8Array.from(texts.join(""), (digit) => parseInt(digit, 32));
  for (const name of ["index", "key", "status", "error", "cost"]) rows[name] = joined(blocks.map((block) => block[name]));
  rows.count = rows.index.length;
  for (let place = 0; place < about.inputs.length; place++) rows.inputs.push(joined(blocks.map((block) => block.inputs[place] ?? [])));
  for (let field = 0; field < about.fields.length; field++) {
    rows.values.push(joined(blocks.map((block) => block.values[field])));
    for (const name of ["confidence", "marks", "kinds"]) rows[name].push(digits(blocks.map((block) => block[name][field])));
  }
  if (blocks.some((block) => block.pCorrect)) {
    rows.pCorrect = about.fields.map((_, field) => joined(blocks.map((block) => block.pCorrect?.[field] ?? block.index.map(() => null))));
  }
  takeChanges(about);
}

/** Of a refresh: what became of each cell since the run before. */
function takeChanges(about) {
  if (!about.changes.length) return;
  const rowOf = new Map(rows.index.map((index, row) => [index, row]));
  const fieldOf = new Map(about.fields.map((field, place) => [field.name, place]));
  rows.change = about.fields.map(() => new Map());
  for (const each of about.changes) {
    const row = rowOf.get(each.row), field = fieldOf.get(each.field);
    if (row !== undefined && field !== undefined) rows.change[field].set(row, each);
  }
}

/** A cell's text as people read it: `1180`, not `1180.0`. */
function shownValue(row, field) {
  const text = rows.values[field][row];
  return text !== null && about.fields[field].type === "double" ? text.replace(/\.0$/, "") : text;
}

/** Whether a cell has a value that is worth a second look. */
function isDoubtful(row, field) {
  if (rows.status[row] !== "completed" || rows.values[field][row] === null) return false;
  return rows.confidence[field][row] <= 1 || (rows.marks[field][row] & (AGAINST | UNSUPPORTED)) !== 0;
}

const filters = { text: "", field: -1, confidence: new Set(), review: "", kind: -1, status: "", change: "" };
const order = { by: "place", at: 0, down: false };
let view = new Int32Array(0);

const isCellFilter = () => filters.confidence.size > 0 || filters.review !== "" || filters.kind >= 0 || filters.change !== "";
const isFiltered = () => isCellFilter() || filters.text !== "" || filters.field >= 0 || filters.status !== "";

function cellFits(row, field) {
  const empty = rows.values[field][row] === null;
  if (filters.confidence.size && !filters.confidence.has(empty ? "empty" : CONFIDENCE[rows.confidence[field][row]])) return false;
  if (filters.kind >= 0 && !(rows.kinds[field][row] & (1 << filters.kind))) return false;
  if (filters.change && rows.change?.[field].get(row)?.change !== filters.change) return false;
  if (!filters.review) return true;
  const decision = decisionOn(row, field);
  if (filters.review === "doubtful") return isDoubtful(row, field) && !decision?.decision;
  if (filters.review === "open") return !decision?.decision;
  if (filters.review === "reviewed") return Boolean(decision?.decision);
  if (filters.review === "note") return Boolean(decision?.note);
  if (filters.review === "against") return (rows.marks[field][row] & AGAINST) !== 0;
  if (filters.review === "suspicious") return (rows.marks[field][row] & SUSPICIOUS) !== 0;
  return decision?.decision === filters.review;
}

const searchable = [];
function searchText(row) {
  if (searchable[row] === undefined) {
    const texts = [...rows.inputs.map((column) => column[row]), ...rows.values.map((column) => column[row]), rows.error[row]];
    searchable[row] = texts.filter((text) => text !== null).join("\n").toLowerCase();
  }
  return searchable[row];
}

function rowFits(row, words, fields) {
  if (filters.status && rows.status[row] !== filters.status) return false;
  for (const word of words) if (!searchText(row).includes(word)) return false;
  return !isCellFilter() || fields.some((field) => cellFits(row, field));
}

function sortKeys() {
  if (order.by === "input") return rows.inputs[order.at];
  if (order.by === "value") return rows.values[order.at];
  if (order.by === "confidence") return Array.from(rows.confidence[order.at], (known, row) => rows.pCorrect?.[order.at][row] ?? (rows.values[order.at][row] === null ? null : known));
  if (order.by === "status") return rows.status;
  if (order.by === "cost") return rows.cost;
  if (order.by === "doubt") {
    return rows.index.map((_, row) => rows.values.reduce((sum, column, field) => sum + (column[row] === null ? 0 : [9, 9, 1, 0][rows.confidence[field][row]] + 3 * (rows.marks[field][row] & AGAINST)), 0));
  }
  return null;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Compares two keys: numbers as numbers if all are; what is empty comes last, whichever way the order runs. */
function comparison(keys, down) {
  const present = keys.filter((key) => key !== null && key !== "");
  const numbers = present.every((key) => typeof key === "number" || (key.trim() !== "" && !Number.isNaN(Number(key))));
  const ready = numbers ? keys.map((key) => (key === null || key === "" ? null : Number(key))) : keys;
  const sign = down ? -1 : 1;
  const compare = numbers ? (a, b) => a - b : (a, b) => collator.compare(a, b);
  return (a, b) => {
    const first = ready[a], second = ready[b];
    if (first === null || first === "") return second === null || second === "" ? a - b : 1;
    if (second === null || second === "") return -1;
    return sign * compare(first, second) || a - b;
  };
}

function makeView(fieldCount) {
  const words = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  const fields = filters.field >= 0 ? [filters.field] : Array.from({ length: fieldCount }, (_, field) => field);
  const found = [];
  for (let row = 0; row < rows.count; row++) if (rowFits(row, words, fields)) found.push(row);
  const keys = sortKeys();
  if (keys) found.sort(comparison(keys, order.down));
  else if (order.down) found.reverse();
  view = Int32Array.from(found);
}
