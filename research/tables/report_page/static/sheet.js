// Opens the sheet: what it says of the run, its filters, its table.

const option = (value, text) => make("option", { value }, text);

function showFacts() {
  document.title = `${about.name}: review`;
  byId("name").textContent = about.name;
  const { summary } = about;
  const waiting = rows.status.filter((status) => status === "action_required").length;
  const failed = rows.status.filter((status) => status !== "completed").length - waiting;
  const facts = [counted(rows.count, "row"), failed ? `${failed.toLocaleString("en")} failed` : "", waiting ? `${waiting.toLocaleString("en")} waiting for people` : "", summary?.models?.join(", "), summary ? money(summary.cost_usd) : "", about.status === "finished" ? "" : about.status, `as of ${moment(about.madeAt)}`];
  byId("facts").replaceChildren(facts.filter(Boolean).join("  ·  "));
  if (about.objective) byId("facts").title = about.objective;
}

function showProgress() {
  let doubtful = 0, left = 0;
  for (let field = 0; field < about.fields.length; field++) {
    for (let row = 0; row < rows.count; row++) {
      if (!isDoubtful(row, field)) continue;
      doubtful++;
      if (!decisionOn(row, field)?.decision) left++;
    }
  }
  byId("progress").textContent = doubtful ? `${left.toLocaleString("en")} of ${counted(doubtful, "doubtful cell")} left to decide` : "no doubtful cell";
  byId("progress").title = "Doubtful: a value of low or no confidence, one that no excerpt supports, or one that a source contradicts. D goes to the next.";
  const own = decisions.own.size;
  byId("export").textContent = own ? `Export ${counted(own, "decision")}` : "Export decisions";
  byId("export").disabled = own === 0;
}

function showCount() {
  byId("count").textContent = !isFiltered() ? "" : `${view.length.toLocaleString("en")} of ${counted(rows.count, "row")}`;
  byId("clear").hidden = !isFiltered();
  byId("nothing").hidden = view.length > 0;
}

function makeFilters() {
  byId("by-field").append(option("-1", "any"), ...about.fields.map((field, place) => option(String(place), field.name)));
  for (const name of ["high", "medium", "low", "none", "empty"]) {
    const box = make("input", { type: "checkbox", value: name });
    byId("by-confidence").append(make("label", { class: `chip k-${name}` }, box, make("span", { ariaHidden: "true", class: "glyph" }, GLYPH[name] ?? "∅"), name));
    box.addEventListener("change", () => {
      filters.confidence[box.checked ? "add" : "delete"](name);
      refresh();
    });
  }
  byId("by-review").append(option("", "any"), option("doubtful", "doubtful, not decided"), option("open", "not decided"), option("reviewed", "decided"), option("accept", "accepted"), option("reject", "rejected"), option("correct", "corrected"), option("note", "with a note"), option("against", "sources disagree"), option("suspicious", "suspicious page"));
  byId("by-kind").append(option("-1", "any"), ...about.kinds.map((kind, place) => option(String(place), kind)));
  byId("by-status").append(option("", "any"), ...[...new Set(rows.status)].map((status) => option(status, status)));
  byId("by-status-label").hidden = new Set(rows.status).size < 2;
  byId("by-change-label").hidden = !rows.change;
  if (rows.change) byId("by-change").append(option("", "any"), ...[...new Set(about.changes.map((each) => each.change))].map((change) => option(change, change)));
  byId("sort").append(option("place-0", "input order"), option("doubt-0", "doubt"), ...about.inputs.map((name, at) => option(`input-${at}`, name)), ...about.fields.map((field, at) => option(`value-${at}`, field.name)), ...about.fields.map((field, at) => option(`confidence-${at}`, `${field.name}: confidence`)), option("status-0", "status"), option("cost-0", "cost"));
  const listen = (id, change) => byId(id).addEventListener("change", () => {
    change(byId(id).value);
    refresh();
  });
  listen("by-field", (value) => (filters.field = Number(value)));
  listen("by-review", (value) => (filters.review = value));
  listen("by-kind", (value) => (filters.kind = Number(value)));
  listen("by-status", (value) => (filters.status = value));
  listen("by-change", (value) => (filters.change = value));
  listen("sort", (value) => {
    const [by, at] = value.split("-");
    Object.assign(order, { by, at: Number(at), down: by === "doubt" });
    showSort();
  });
  byId("direction").addEventListener("click", () => {
    order.down = !order.down;
    showSort();
    refresh();
  });
  let waiting = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      filters.text = byId("search").value;
      refresh();
    }, 120);
  });
  byId("clear").addEventListener("click", clearFilters);
}

function clearFilters() {
  filters.confidence.clear();
  Object.assign(filters, { text: "", field: -1, review: "", kind: -1, status: "", change: "" });
  for (const box of byId("by-confidence").querySelectorAll("input")) box.checked = false;
  for (const id of ["by-field", "by-kind"]) byId(id).value = "-1";
  for (const id of ["by-review", "by-status", "by-change", "search"]) byId(id).value = "";
  refresh();
}

function listenToButtons() {
  byId("export").addEventListener("click", exportDecisions);
  byId("import").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async () => {
    const [file] = byId("file").files;
    if (file) await importDecisions(file);
    byId("file").value = "";
    refresh();
    showProgress();
  });
  byId("reviewer").addEventListener("change", keep);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  addEventListener("beforeunload", (event) => {
    if (!decisions.exported) event.preventDefault();
  });
}

async function open() {
  about = await unpack("about");
  await loadRows(about);
  restore();
  showFacts();
  makeFilters();
  makeView(about.fields.length);
  if (rows.count) makeTable();
  else byId("audit").replaceChildren(make("p", { class: "hint" }, "This run has no row yet."));
  listenToButtons();
  listenToKeys();
  showCount();
  showProgress();
  document.body.dataset.ready = String(Math.round(performance.now()));
}

open().catch((error) => {
  byId("audit").replaceChildren(make("p", { class: "warning" }, `This sheet cannot be opened: ${error.message}. A browser of 2023 or later is needed.`));
});
