// What people have decided about cells: those that are in the run folder, and yours, which stay in this browser until you export them.

const FORMAT = "research-review";
const WORDS = { accept: "accepted", reject: "rejected", correct: "corrected" };

const decisions = { earlier: new Map(), own: new Map(), exported: true };
let about = null;

const cellId = (row, field) => row * about.fields.length + field;
const storageName = () => `research-review:${about.run}`;

/** The decision that counts for a cell: yours, or else the latest in the run folder. */
function decisionOn(row, field) {
  const id = cellId(row, field);
  return decisions.own.get(id) ?? decisions.earlier.get(id);
}

/** Decide about a cell. `null` takes your own decision back; a note alone leaves an earlier verdict as it is. */
function decide(row, field, change) {
  const id = cellId(row, field);
  if (change === null) decisions.own.delete(id);
  else {
    const before = decisions.own.get(id) ?? {};
    const { correction, ...kept } = before;
    const base = change.decision && change.decision !== "correct" ? kept : before;
    decisions.own.set(id, { ...base, ...change, found: rows.values[field][row], at: new Date().toISOString() });
  }
  decisions.exported = decisions.own.size === 0;
  keep();
}

function keep() {
  try {
    localStorage.setItem(storageName(), JSON.stringify({ reviewer: byId("reviewer").value, decisions: asList() }));
  } catch {
    // A browser that keeps nothing for files: the decisions are in this window only, and closing it asks first.
  }
}

function asList() {
  const reviewer = byId("reviewer").value.trim();
  return [...decisions.own].map(([id, own]) => {
    const row = Math.floor(id / about.fields.length), field = id % about.fields.length;
    return {
      row_index: rows.index[row],
      row_key: rows.key[row],
      field: about.fields[field].name,
      decision: own.decision ?? "note",
      found: own.found,
      ...(own.decision === "correct" ? { value: own.correction } : {}),
      ...(own.note ? { note: own.note } : {}),
      reviewer: own.reviewer ?? reviewer,
      decided_at: own.at,
    };
  });
}

/** Takes up decisions from a list as `asList` makes it. Returns how many there are, and how many fit no cell of this sheet. */
function takeUp(list) {
  const rowOf = new Map(rows.index.map((index, row) => [index, row]));
  const fieldOf = new Map(about.fields.map((field, place) => [field.name, place]));
  let taken = 0, misfits = 0;
  for (const each of Array.isArray(list) ? list : []) {
    const row = rowOf.get(each?.row_index), field = fieldOf.get(each?.field);
    if (row === undefined || field === undefined || rows.key[row] !== each.row_key) {
      misfits++;
      continue;
    }
    const id = cellId(row, field), before = decisions.own.get(id);
    if (before && Date.parse(before.at) >= Date.parse(each.decided_at)) continue;
    const verdict = WORDS[each.decision] ? each.decision : undefined;
    decisions.own.set(id, { decision: verdict, correction: each.value ?? null, note: each.note, found: each.found ?? null, at: each.decided_at, reviewer: each.reviewer });
    taken++;
  }
  return { taken, misfits };
}

function restore() {
  const rowOf = new Map(rows.index.map((index, row) => [index, row]));
  const fieldOf = new Map(about.fields.map((field, place) => [field.name, place]));
  for (const each of about.decisions) {
    const row = rowOf.get(each.row), field = fieldOf.get(each.field);
    if (row === undefined || field === undefined) continue;
    const isOutdated = each.decision !== "note" && rows.values[field][row] !== each.found;
    const verdict = WORDS[each.decision] && !(isOutdated && each.decision !== "correct") ? each.decision : undefined;
    decisions.earlier.set(cellId(row, field), { decision: verdict, correction: each.value, note: each.note, found: each.found, at: each.at, reviewer: each.reviewer, isStored: true, isOutdated, was: WORDS[each.decision] });
  }
  try {
    const stored = JSON.parse(localStorage.getItem(storageName()) ?? "null");
    if (stored) {
      byId("reviewer").value = stored.reviewer ?? "";
      takeUp(stored.decisions);
      dropStored();
      decisions.exported = decisions.own.size === 0;
    }
  } catch {
    // What is there is not ours, or nothing may be read: begin without.
  }
}

/** Your decisions that the run folder holds by now are not yours to export any more. */
function dropStored() {
  for (const [id, own] of decisions.own) {
    const earlier = decisions.earlier.get(id);
    if (earlier && Date.parse(earlier.at) === Date.parse(own.at)) decisions.own.delete(id);
  }
}

function exportDecisions() {
  if (!byId("reviewer").value.trim()) {
    byId("reviewer").focus();
    byId("reviewer").classList.add("wanted");
    return say("Type your name first: a decision says who made it");
  }
  const document_ = { format: FORMAT, version: 1, run: about.run, name: about.name, exported_at: new Date().toISOString(), decisions: asList() };
  const address = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 1)], { type: "application/json" }));
  make("a", { href: address, download: `${about.name}-review-${document_.exported_at.slice(0, 19).replace(/[-:T]/g, "")}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  decisions.exported = true;
  say(`${counted(document_.decisions.length, "decision")} exported`);
}

async function importDecisions(file) {
  let read = null;
  try {
    read = JSON.parse(await file.text());
  } catch {
    return say(`${file.name} is not JSON`);
  }
  if (read?.format !== FORMAT) return say(`${file.name} holds no decisions of a review sheet`);
  if (read.run !== about.run) return say(`${file.name} is of another run (${read.name})`);
  const { taken, misfits } = takeUp(read.decisions);
  decisions.exported = decisions.own.size === 0;
  keep();
  say(`${counted(taken, "decision")} taken up${misfits ? `; ${misfits} fit no cell of this sheet` : ""}`);
}
