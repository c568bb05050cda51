// The evidence of a cell: each page that it cites, with the excerpts marked inside the page's text.

const SUPPORT = {
  stated: ["states it", "The value stands in the excerpt."],
  inferred: ["implies it", "The value follows from the excerpt."],
  against: ["says otherwise", "The excerpt contradicts the value."],
  none: ["does not support it", "The excerpt was cited, and does not support the value."],
};
const ORDER = ["against", "stated", "inferred", "none"];

const evidenceOf = (row) => piece(`evidence-${Math.floor(row / about.rowsAnEvidence)}`);

/** Part of a text, in code points, as the run folder counts them. */
function slice(text, from, to) {
  return /[\ud800-\udbff]/.test(text) ? Array.from(text).slice(from, to).join("") : text.slice(from, to);
}

/** Where a text can be cut near a place: between words. */
function betweenWords(text, place, step) {
  for (let moved = 0; moved < 24; moved++) {
    const at = place + step * moved;
    if (at <= 0 || at >= text.length) return Math.max(0, Math.min(at, text.length));
    if (/\s/.test(text[at - 1]) !== /\s/.test(text[at])) return at;
  }
  return place;
}

/** A page's text with places marked: `[from, to, support]`, in code points of the whole page. */
function marked(text, at, places) {
  const out = make("div", { class: "passage", dir: "auto" });
  let from = 0;
  for (const [start, end, support] of places.filter((place) => place[0] >= at).sort((a, b) => a[0] - b[0])) {
    if (start - at < from) continue;
    out.append(slice(text, from, start - at));
    out.append(make("mark", { class: `s-${support}`, title: SUPPORT[support]?.[1] ?? "" }, slice(text, start - at, end - at)));
    from = end - at;
  }
  out.append(slice(text, from));
  return out;
}

/** The citations of a cell by page, those that speak against the value first. */
function byPage(cites) {
  const groups = new Map();
  for (const cite of cites) {
    const id = cite.page ?? cite.url;
    if (!groups.has(id)) groups.set(id, []);
    groups.get(id).push(cite);
  }
  const rank = (group) => Math.min(...group.map((cite) => ORDER.indexOf(cite.support ?? "none")));
  return [...groups.values()].sort((a, b) => rank(a) - rank(b));
}

function pageCard(group, pages, field) {
  const first = group[0], page = pages[first.page];
  const supports = [...new Set(group.map((cite) => cite.support ?? "none"))].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const head = make("header", {},
    make("h4", {}, first.title || page?.title || first.url),
    make("p", {}, link(first.url)),
    make("p", { class: "tags" },
      supports.map((support) => make("span", { class: `tag s-${support}`, title: SUPPORT[support][1] }, SUPPORT[support][0])),
      first.kind && first.kind !== "unknown" ? make("span", { class: "tag" }, first.kind) : null,
      page?.published ? make("span", { class: "tag" }, `published ${page.published}`) : null,
      page?.fetched ? make("span", { class: "tag" }, `read ${page.fetched}`) : null),
    first.suspected ? make("p", { class: "warning" }, `This page looks as if it tries to instruct a model: “${first.suspected}”`) : null);
  const card = make("article", { class: supports.includes("against") ? "page against" : "page" }, head);
  const parts = [...new Set(group.filter((cite) => cite.path !== field).map((cite) => cite.path.slice(field.length + 1)))];
  if (parts.length) card.append(make("p", { class: "parts" }, `For: ${parts.join(", ")}`));
  const places = group.filter((cite) => cite.start !== undefined).map((cite) => [cite.start, cite.end, cite.support ?? "none"]);
  const shown = (page?.pieces ?? []).filter((one) => places.some(([start, end]) => start < one.at + Array.from(one.text).length && end > one.at));
  if (shown.length) card.append(passages(shown, places, page));
  else for (const cite of group) if (cite.excerpt) card.append(make("div", { class: "passage" }, make("mark", { class: `s-${cite.support}` }, cite.excerpt)));
  return card;
}

/** What stands around the excerpts; a button shows more of it, and the whole page where it is in this file. */
function passages(pieces, places, page) {
  const box = make("div", { class: "passages" });
  const near = 140;
  const short = () => {
    box.replaceChildren();
    for (const one of pieces) {
      const inside = places.filter(([start, end]) => start < one.at + Array.from(one.text).length && end > one.at).sort((a, b) => a[0] - b[0]);
      const from = Math.max(inside[0][0] - near, one.at), to = Math.max(...inside.map((place) => place[1])) + near;
      const head = slice(one.text, 0, from - one.at), first = slice(one.text, 0, inside[0][0] - one.at).length;
      let cut = betweenWords(one.text, head.length, 1);
      while (cut < first && /\s/.test(one.text[cut])) cut++;
      const rest = one.text.slice(cut), tail = betweenWords(rest, slice(one.text, 0, to - one.at).length - cut, -1);
      const begin = one.at + Array.from(one.text.slice(0, cut)).length;
      const passage = marked(rest.slice(0, tail).trimEnd(), begin, inside);
      if (begin > 0) passage.prepend("… ");
      if (to < page.size) passage.append(" …");
      box.append(passage);
    }
  };
  const long = () => {
    box.replaceChildren(...pieces.map((one) => {
      const passage = marked(one.text, one.at, places);
      if (one.at > 0) passage.prepend("… ");
      if (one.at + Array.from(one.text).length < page.size) passage.append(" …");
      return passage;
    }));
  };
  const whole = async () => {
    const text = await piece(`page-${page.id}`);
    box.replaceChildren(make("div", { class: "whole", tabIndex: 0, role: "region", ariaLabel: `Text of ${page.title || page.url}` }, marked(text, 0, places)));
    box.querySelector("mark")?.scrollIntoView({ block: "center" });
  };
  const choice = make("p", { class: "more" });
  const kinds = [["Excerpt", short], ["More around it", long], ...(byId(`page-${page.id}`) ? [["Whole page", whole]] : [])];
  for (const [name, show] of kinds) {
    const button = make("button", { type: "button", class: "quiet", ariaPressed: String(show === short) }, name);
    button.addEventListener("click", () => {
      for (const other of choice.children) other.setAttribute("aria-pressed", String(other === button));
      show();
    });
    choice.append(button);
  }
  short();
  return make("div", {}, box, choice);
}
