// The panel beside the table: one cell with all that it rests on, and what you decide about it; or one row.

const audit = { row: -1, field: -1 };

const GLYPH = { high: "●", medium: "◐", low: "○", none: "–" };

function confidenceBadge(row, field) {
  const empty = rows.values[field][row] === null;
  const name = empty ? "empty" : CONFIDENCE[rows.confidence[field][row]];
  const likely = rows.pCorrect?.[field][row];
  const words = empty ? "no value" : name === "none" ? "no confidence" : `${name} confidence`;
  const share = likely === null || likely === undefined ? "" : likely > 0.99 ? " · over 99 % right" : ` · ${Math.round(likely * 100)} % right`;
  return make("span", { class: `badge k-${name}`, title: share ? "of such values, by the calibration of earlier runs" : undefined }, make("span", { ariaHidden: "true" }, GLYPH[name] ?? "–"), ` ${words}`, share);
}

const changeBadge = (row, field) => rows.change?.[field].has(row) ? make("span", { class: "badge" }, rows.change[field].get(row).change) : null;

/** Of a refresh: what the cell held before, and why it was looked at. */
function changeLine(row, field) {
  const change = rows.change?.[field].get(row);
  if (!change) return null;
  const before = change.change === "changed" || change.change === "lost" ? [" Before: ", make("strong", {}, change.old ?? "no value")] : [];
  return make("p", { class: "description" }, change.why ?? "", ...before);
}

/** What a row is called: its cell in the first column that says what it is (`about.labels`), as `research show` calls it. */
const rowName = (row) => about.labels.map((place) => rows.inputs[place][row]).find((text) => text) ?? `row ${rows.index[row]}`;

function pretty(text, isJson) {
  if (!isJson || !/^[[{]/.test(text)) return text;
  return JSON.stringify(JSON.parse(text), null, 2);
}

function decisionButtons(row, field) {
  const now = decisionOn(row, field);
  const button = (name, key, verdict, act) => {
    const made = make("button", { type: "button", class: `act ${verdict}`, ariaPressed: String(now?.decision === verdict || (verdict === "note" && Boolean(now?.note))) }, name, make("kbd", { ariaHidden: "true" }, key));
    made.setAttribute("aria-keyshortcuts", key);
    made.addEventListener("click", act);
    return made;
  };
  return make("div", { class: "acts", role: "group", ariaLabel: "Your decision" },
    button("Accept", "A", "accept", () => verdict("accept")),
    button("Reject", "R", "reject", () => verdict("reject")),
    button("Correct", "C", "correct", () => openEditor("correct")),
    button("Note", "N", "note", () => openEditor("note")));
}

function decisionLine(row, field) {
  const now = decisionOn(row, field);
  if (!now) return null;
  const who = now.reviewer || (now.isStored ? "somebody" : byId("reviewer").value.trim() || "you");
  if (!now.decision && !now.note && !now.isOutdated) return null;
  const what = now.decision ? `${WORDS[now.decision]} by ${who}` : `note by ${who}`;
  const line = make("div", { class: `decided d-${now.decision ?? "note"}` }, make("p", {}, make("strong", {}, what), ` · ${moment(now.at)}${now.isStored ? " · in the run folder" : ""}`));
  if (now.decision === "correct") line.append(make("p", {}, "Right is: ", make("strong", {}, now.correction ?? "no value")));
  if (now.note) line.append(make("p", { class: "note" }, now.note));
  if (now.isOutdated) line.append(make("p", { class: "warning" }, `${now.was ?? "decided"} when the value was another one: ${now.found ?? "empty"}`));
  if (!now.isStored) {
    const undo = make("button", { type: "button", class: "quiet" }, "Take back", make("kbd", { ariaHidden: "true" }, "U"));
    undo.addEventListener("click", () => verdict(null));
    line.append(undo);
  }
  return line;
}

/** Shows a cell. The evidence comes a moment later, from its packed piece. */
async function showCell(row, field) {
  Object.assign(audit, { row, field });
  const panel = byId("audit"), about_ = about.fields[field];
  const value = rows.values[field][row];
  const body = make("div", { class: "evidence" }, make("p", { class: "hint" }, "…"));
  fill(panel,
    make("p", { class: "where" }, make("span", {}, rowName(row)), make("span", { class: "at" }, `row ${rows.index[row]}`)),
    make("h2", {}, about_.name),
    about_.description ? make("p", { class: "description" }, about_.description) : null,
    make("div", { class: value === null ? "value none" : "value", dir: "auto" }, value === null ? "no value" : pretty(shownValue(row, field), about_.isJson)),
    make("p", { class: "badges" }, confidenceBadge(row, field), changeBadge(row, field)),
    changeLine(row, field),
    make("div", { id: "decision" }, decisionLine(row, field), decisionButtons(row, field)),
    body,
  );
  const found = await evidenceOf(row);
  if (audit.row !== row || audit.field !== field) return;
  const of = found.rows[rows.index[row]];
  fill(body, ...cellEvidence(of, found.pages, field), ...rowFacts(row, of));
}

function cellEvidence(of, pages, field) {
  const cell = of.cells[field] ?? {}, name = about.fields[field].name;
  const warnings = (of.fieldWarnings ?? []).filter(([owner]) => owner === name || owner?.startsWith(`${name}.`));
  const groups = byPage(cell.cites ?? []);
  const against = groups.filter((group) => group.some((cite) => cite.support === "against")).length;
  return [
    cell.why ? make("p", { class: "why" }, cell.why) : null,
    ...warnings.map(([, text]) => make("p", { class: "warning" }, text)),
    make("h3", {}, groups.length ? counted(groups.length, "source") : "No passage supports a value", against ? make("span", { class: "tag s-against" }, against === groups.length ? "all disagree" : `${against} of them ${against === 1 ? "disagrees" : "disagree"}`) : null),
    ...groups.map((group) => pageCard(group, pages, name)),
  ].filter(Boolean);
}

function rowFacts(row, of) {
  const facts = [
    ["Cost of the row", money(rows.cost[row])],
    ["Model", [of.model, (of.tiers ?? [of.processor]).filter(Boolean).join(" + ")].filter(Boolean).join(", ")],
    ["Time", of.seconds === undefined ? "" : `${of.seconds.toFixed(1)} s`],
    ["Searches, pages", [of.search_queries, of.pages_fetched].filter((one) => one !== undefined).join(", ")],
    ["Tokens in, out", of.input || of.output ? `${(of.input ?? 0).toLocaleString("en")}, ${(of.output ?? 0).toLocaleString("en")}` : ""],
    ["Completed", of.completedAt ? moment(of.completedAt) : ""],
  ].filter(([, text]) => text);
  const inputs = about.inputs.map((name, place) => [name, rows.inputs[place][row]]);
  const list = (pairs) => make("dl", {}, pairs.flatMap(([name, text]) => [make("dt", {}, name), make("dd", { dir: "auto" }, text ?? "–")]));
  return [
    ...(of.warnings ?? []).map((text) => make("p", { class: "warning" }, text)),
    of.report ? make("details", {}, make("summary", {}, "Report of the row"), markdown(of.report)) : null,
    make("details", { open: rows.status[row] !== "completed" }, make("summary", {}, "Row"), list(inputs), make("hr"), list(facts)),
  ].filter(Boolean);
}

/** Shows a row: its error, or its values. */
async function showRow(row) {
  Object.assign(audit, { row, field: -1 });
  const panel = byId("audit");
  const body = make("div", { class: "evidence" });
  fill(panel,
    make("p", { class: "where" }, make("span", {}, `row ${rows.index[row]}`), make("span", { class: "at" }, rows.status[row])),
    make("h2", {}, rowName(row)),
    rows.error[row] ? make("div", { class: "failure" }, make("strong", {}, "This row failed"), make("p", {}, rows.error[row])) : null,
    rows.status[row] !== "completed" ? null : make("dl", { class: "values" }, about.fields.flatMap((field, place) => [make("dt", {}, field.name), make("dd", { dir: "auto" }, shownValue(row, place) ?? "–", " ", rows.values[place][row] === null ? "" : confidenceBadge(row, place))])),
    body,
  );
  const found = await evidenceOf(row);
  if (audit.row !== row || audit.field !== -1) return;
  fill(body, ...rowFacts(row, found.rows[rows.index[row]]));
}

function verdict(decision) {
  if (audit.field < 0) return;
  decide(audit.row, audit.field, decision === null ? null : { decision });
  afterDecision(decision === null ? "taken back" : WORDS[decision]);
}

function afterDecision(words) {
  const { row, field } = audit;
  fill(byId("decision"), decisionLine(row, field), decisionButtons(row, field));
  refreshCell(row);
  showProgress();
  say(`${rowName(row)}, ${about.fields[field].name}: ${words}`);
}

/** The field in which a correction or a note is typed. */
function openEditor(kind) {
  if (audit.field < 0) return;
  const { row, field } = audit, of = about.fields[field], now = decisionOn(row, field);
  const start = kind === "note" ? (now?.note ?? "") : (now?.correction ?? rows.values[field][row] ?? "");
  const input = kind === "note" ? make("textarea", { rows: 3, value: start }) : valueInput(of, start);
  input.id = "typed";
  const fault = make("p", { class: "warning", role: "alert", hidden: true });
  const nothing = make("button", { type: "button", class: "quiet" }, "There is no answer");
  const form = make("form", { class: "editor" },
    make("label", { htmlFor: "typed" }, kind === "note" ? "Note" : `Right value of ${of.name}`), input, fault,
    make("div", { class: "acts" }, make("button", { type: "submit", class: "main" }, "Save"), kind === "note" ? null : nothing, make("button", { type: "button", class: "quiet cancel" }, "Cancel")),
    make("p", { class: "hint", id: "typed-keys" }, input.tagName === "TEXTAREA" ? "Enter saves, Shift Enter begins a new line, Esc cancels." : "Enter saves, Esc cancels."));
  input.setAttribute("aria-describedby", "typed-keys");
  const done = (change, words) => {
    decide(row, field, change);
    afterDecision(words);
    focusGrid();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = input.value.trim();
    if (kind === "note") return done({ note: typed || undefined }, "noted");
    const wrong = typed === "" ? "Type a value, or say that there is no answer." : faultOf(of, typed);
    fault.hidden = !wrong;
    fault.textContent = wrong ?? "";
    if (wrong) return;
    if (isSame(of, typed, rows.values[field][row])) return done({ decision: "accept" }, "accepted");
    done({ decision: "correct", correction: typed }, "corrected");
  });
  nothing.addEventListener("click", () => {
    if (rows.values[field][row] === null) return done({ decision: "accept" }, "accepted: no answer");
    done({ decision: "correct", correction: null }, "corrected: no answer");
  });
  const cancel = () => {
    fill(byId("decision"), decisionLine(row, field), decisionButtons(row, field));
    focusGrid();
  };
  form.querySelector(".cancel").addEventListener("click", cancel);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") cancel();
    if (event.key === "Enter" && event.target === input && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
    event.stopPropagation();
  });
  byId("decision").replaceChildren(form);
  input.focus();
  input.select?.();
}

/** What a value of a field is typed into, by its schema. */
function valueInput(field, start) {
  const choices = field.schema.enum ?? (field.type === "bool" ? [true, false] : null);
  if (choices) {
    const text = (choice) => (field.isJson ? JSON.stringify(choice) : String(choice));
    const select = make("select", {}, choices.filter((choice) => choice !== null).map((choice) => make("option", { value: text(choice) }, String(choice))));
    select.value = start;
    return select;
  }
  if (field.type === "int64" || field.type === "double") return make("input", { type: "text", inputMode: "decimal", value: start });
  if (field.type.startsWith("date")) return make("input", { type: "text", placeholder: "YYYY-MM-DD", value: start });
  return make("textarea", { rows: start.length > 60 ? 5 : 2, value: field.isJson ? pretty(start, true) : start });
}

/** Whether a typed value is the one that was found: whoever corrects a value to itself accepts it. */
const isSame = (field, typed, found) => found !== null && pretty(typed, field.isJson) === pretty(found.trim(), field.isJson);

/** What is plainly wrong with a typed value; `research review apply` checks the rest against the schema. */
function faultOf(field, typed) {
  if (field.type === "int64" && !/^[+-]?\d+$/.test(typed)) return "A whole number is wanted.";
  if (field.type === "double" && (Number.isNaN(Number(typed)) || /[^\d.eE+-]/.test(typed))) return "A number is wanted, with a point and without separators.";
  if (field.type.startsWith("date") && !/^\d{4}-\d{2}-\d{2}$/.test(typed)) return "A day is wanted: YYYY-MM-DD.";
  if (field.isJson) {
    try {
      JSON.parse(typed);
    } catch {
      return "JSON is wanted.";
    }
  }
  return null;
}
