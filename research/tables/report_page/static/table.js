// The table: SlickGrid over the view, told in roles and labels what a screen reader needs to hear.

let grid = null;
const items = []; // SlickGrid asks for objects; a row's is its place
const provider = { getLength: () => view.length, getItem: (place) => items[view[place]], getItemMetadata: (place) => (rows.status[view[place]] === "completed" ? null : { cssClasses: "failed" }) };
let columns = [];

function cellFormatter(_place, _cell, _value, column, item) {
  const { row } = item, { at } = column;
  const value = rows.values[at][row], decision = decisionOn(row, at);
  const confidence = rows.confidence[at][row], marks = rows.marks[at][row];
  const classes = [value === null ? "empty" : `k-${CONFIDENCE[confidence]}`];
  if (isCellFilter() && !cellFits(row, at)) classes.push("dim");
  if (marks & AGAINST) classes.push("disputed");
  if (decision?.decision) classes.push(`d-${decision.decision}`);
  if (decision?.note) classes.push("noted");
  if (["changed", "new", "lost"].includes(rows.change?.[at].get(row)?.change)) classes.push("changed");
  const shown = decision?.decision === "correct" ? decision.correction : shownValue(row, at);
  const spoken = [value === null ? "no value" : confidence ? `${CONFIDENCE[confidence]} confidence` : "no confidence", marks & AGAINST ? "a source disagrees" : "", rows.change?.[at].get(row)?.change ?? "", decision?.decision ? WORDS[decision.decision] : ""];
  const node = document.createDocumentFragment();
  node.append(make("span", { class: "v" }, (shown ?? "").slice(0, 300)), make("span", { class: "sr" }, `, ${spoken.filter(Boolean).join(", ")}`));
  return { html: make("span", { class: "in" }, node), addClasses: classes.join(" ") };
}

const textOf = (column) => (_place, _cell, _value, _column, item) => ({ text: String(column(item.row) ?? "").slice(0, 300) });
const isNumeric = (column) => column.some((text) => text) && column.slice(0, 200).every((text) => !text || /^-?[\d.]+$/.test(text));

function makeColumns() {
  const width = (name, texts) => {
    const lengths = texts.slice(0, 200).map((text) => (text ?? "").length).sort((a, b) => a - b);
    return Math.max(84, Math.min(240, 40 + 7.6 * Math.max(Math.min(name.length, 24), lengths[Math.floor(lengths.length * 0.9)] ?? 0)));
  };
  const made = [{ id: "row", name: "#", width: 58, cssClass: "number rowno", formatter: textOf((row) => rows.index[row]), sort: { by: "place", at: 0 } }];
  about.inputs.forEach((name, at) => made.push({ id: `input-${at}`, name, width: width(name, rows.inputs[at]), cssClass: isNumeric(rows.inputs[at]) ? "input number" : "input", formatter: textOf((row) => rows.inputs[at][row]), sort: { by: "input", at } }));
  about.fields.forEach((field, at) => made.push({ id: `field-${at}`, name: field.name, toolTip: field.description, at, width: width(field.name, rows.values[at]), cssClass: ["int64", "double"].includes(field.type) ? "cell number" : "cell", formatter: cellFormatter, sort: { by: "value", at } }));
  if (rows.status.some((status) => status !== "completed")) made.push({ id: "error", name: "error", width: 260, cssClass: "input error", formatter: textOf((row) => rows.error[row]), sort: { by: "status", at: 0 } });
  if (rows.cost.some((cost) => cost)) made.push({ id: "cost", name: "cost", width: 86, cssClass: "input number", formatter: textOf((row) => money(rows.cost[row])), sort: { by: "cost", at: 0 } });
  made.forEach((column, place) => Object.assign(column, { sortable: true, resizable: true, minWidth: 40, cellAttrs: { "aria-colindex": String(place + 1) } }));
  return made;
}

function makeTable() {
  for (let row = 0; row < rows.count; row++) items.push({ row });
  columns = makeColumns();
  const wide = byId("grid").clientWidth > 640;
  grid = new Slick.Grid(byId("grid"), provider, columns, {
    nonce: document.body.dataset.nonce, enableHtmlRendering: false, enableColumnReorder: false, rowHeight: 30, headerRowHeight: 32,
    frozenColumn: wide && about.inputs.length ? 1 : -1, enableTextSelectionOnCells: true, syncColumnCellResize: true, enableAsyncPostRender: false, minRowBuffer: 12,
  });
  speakGrid();
  grid.onActiveCellChanged.subscribe((_event, args) => {
    if (args.row === undefined || args.row === null || args.cell === undefined) return;
    const row = view[args.row], column = columns[args.cell];
    if (byId("grid").contains(document.activeElement)) focusGrid();
    else markActive();
    if (column.at === undefined) showRow(row);
    else showCell(row, column.at);
  });
  grid.onSort.subscribe((_event, args) => {
    Object.assign(order, args.sortCol.sort, { down: !args.sortAsc });
    showSort();
    refresh();
  });
  grid.onRendered.subscribe(() => {
    labelRows();
    if (isFocusDue) focusGrid();
  });
  byId("grid").addEventListener("keydown", (event) => {
    if (event.key === "Tab") event.stopPropagation(); // it leaves the table; the arrow keys move inside it
  }, true);
  new ResizeObserver(() => grid.resizeCanvas()).observe(byId("grid"));
  grid.setActiveCell(0, columns.findIndex((column) => column.at !== undefined));
}

/** Roles, counts and focus. SlickGrid focuses a hidden element, of which a screen reader says nothing; we focus the cell. */
function speakGrid() {
  const box = byId("grid");
  box.setAttribute("aria-label", `Results of ${about.name}`);
  box.setAttribute("aria-colcount", String(columns.length));
  for (const element of box.querySelectorAll('[tabindex="0"]')) element.tabIndex = -1;
  box.querySelectorAll(".slick-header-column").forEach((header, place) => header.setAttribute("aria-colindex", String(place + 1)));
  for (const header of box.querySelectorAll(".slick-header-columns")) header.setAttribute("aria-rowindex", "1");
  grid.setFocus = () => {};
  labelRows();
}

/** The open cell is the one that Tab comes to. Returns it, if it is drawn. */
function markActive() {
  const node = grid.getActiveCellNode();
  for (const other of byId("grid").querySelectorAll('.slick-cell[tabindex="0"]')) if (other !== node) other.tabIndex = -1;
  if (node) node.tabIndex = 0;
  return node;
}

function labelRows() {
  byId("grid").setAttribute("aria-rowcount", String(view.length + 1));
  for (const row of byId("grid").querySelectorAll(".slick-row")) row.setAttribute("aria-rowindex", String(Number(row.dataset.row) + 2));
}

let isFocusDue = false; // the cell that is to have the focus is not drawn yet

function focusGrid() {
  const node = grid && markActive();
  isFocusDue = !node?.isConnected;
  if (!isFocusDue) node.focus({ preventScroll: true });
}

function refreshCell(row) {
  const place = view.indexOf(row);
  if (place >= 0) grid.invalidateRow(place);
  grid.render();
}

/** Filters and sorts anew. The open cell stays open where it is still shown. */
function refresh() {
  const active = grid.getActiveCell(), row = active ? view[active.row] : -1;
  const hadFocus = byId("grid").contains(document.activeElement);
  makeView(about.fields.length);
  grid.resetActiveCell();
  grid.invalidateAllRows();
  grid.updateRowCount();
  grid.render();
  const place = view.indexOf(row);
  if (view.length) {
    grid.setActiveCell(Math.max(place, 0), active?.cell ?? 1);
    if (place < 0) grid.scrollRowToTop(0);
    if (hadFocus) focusGrid();
  }
  labelRows();
  showCount();
}

function showSort() {
  const column = columns.find((one) => one.sort.by === order.by && one.sort.at === order.at);
  grid.setSortColumns(column && order.by !== "doubt" && order.by !== "confidence" ? [{ columnId: column.id, sortAsc: !order.down }] : []);
  byId("grid").querySelectorAll(".slick-header-column").forEach((header, place) => header.setAttribute("aria-sort", columns[place] === column ? (order.down ? "descending" : "ascending") : "none"));
  byId("sort").value = `${order.by}-${order.at}`;
  byId("direction").textContent = order.down ? "↓" : "↑";
}

/** Goes to the next cell that is worth a second look and has no decision: in the view's order, from the open cell on. */
function nextDoubtful(step) {
  const fields = columns.map((column, cell) => [column.at, cell]).filter(([at]) => at !== undefined && (filters.field < 0 || filters.field === at));
  const active = grid.getActiveCell() ?? { row: 0, cell: -1 };
  const total = view.length * fields.length;
  const here = fields.findIndex(([, cell]) => cell >= active.cell);
  const exact = here >= 0 && fields[here][1] === active.cell;
  let place = active.row * fields.length + (here < 0 ? fields.length : here) - (step > 0 && !exact ? 1 : 0);
  for (let tried = 0; tried < total; tried++) {
    place = (place + step + total) % total;
    const row = view[Math.floor(place / fields.length)], [at, cell] = fields[place % fields.length];
    if (isDoubtful(row, at) && !decisionOn(row, at)?.decision) {
      grid.gotoCell(Math.floor(place / fields.length), cell);
      focusGrid();
      return;
    }
  }
  say("No doubtful cell is left here");
  byId("progress").classList.add("flash");
  setTimeout(() => byId("progress").classList.remove("flash"), 600);
}
