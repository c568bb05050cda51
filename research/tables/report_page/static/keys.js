// The keys. They work wherever no text is being typed.

const KEYS = [
  ["d", "D", "next doubtful cell without a decision", () => nextDoubtful(1)],
  ["D", "Shift D", "the doubtful cell before", () => nextDoubtful(-1)],
  ["a", "A", "accept the value", () => verdict("accept")],
  ["r", "R", "reject the value: it is wrong", () => verdict("reject")],
  ["c", "C", "correct the value: Enter saves, Shift Enter begins a new line, Esc cancels", () => openEditor("correct")],
  ["n", "N", "write a note: Enter saves it as well", () => openEditor("note")],
  ["u", "U", "take your decision back", () => verdict(null)],
  ["e", "E", "go to the evidence; Esc goes back to the table", () => byId("audit").focus()],
  ["s", "S", "sort by the open column; again turns it round", () => sortByOpenColumn()],
  ["/", "/", "search", () => byId("search").focus()],
  ["?", "?", "these keys", () => byId("help").showModal()],
];

function sortByOpenColumn() {
  const active = grid.getActiveCell();
  if (!active) return;
  const { by, at } = columns[active.cell].sort;
  Object.assign(order, { by, at, down: order.by === by && order.at === at ? !order.down : false });
  showSort();
  refresh();
}

function listenToKeys() {
  byId("keys").append(...KEYS.flatMap(([, shown, words]) => [make("dt", {}, make("kbd", {}, shown)), make("dd", {}, words)]), make("dt", {}, make("kbd", {}, "arrows")), make("dd", {}, "move in the table; Home, End, Page Up and Page Down as well"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.key === "Escape") return focusGrid();
    if (event.target.closest("input, textarea, select")) return;
    const key = KEYS.find(([name]) => name === event.key);
    if (!key) return;
    event.preventDefault();
    key[3]();
  });
}
