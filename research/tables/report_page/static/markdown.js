// A safe part of Markdown as elements: headings, paragraphs, lists, quotes, code, bold, italic, links to the web. All else is text.

const INLINE = /(`[^`]+`)|(\*\*[^*]+\*\*)|(\*[^*\s][^*]*\*)|\[([^\]]+)\]\(([^()\s]+)\)/g;

function inline(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[1]) parts.push(make("code", {}, found[1].slice(1, -1)));
    else if (found[2]) parts.push(make("strong", {}, found[2].slice(2, -2)));
    else if (found[3]) parts.push(make("em", {}, found[3].slice(1, -1)));
    else parts.push(link(found[5], found[4]));
  }
  return [...parts, text.slice(from)];
}

function markdown(text) {
  const out = make("div", { class: "markdown" });
  let list = null;
  for (const block of text.split(/\n{2,}/)) {
    list = null;
    for (const line of block.split("\n").some((one) => /^(#{1,6} |\s*([-*]|\d+[.)]) |> )/.test(one)) ? block.split("\n") : [block]) {
      const heading = /^(#{1,6}) (.*)/.exec(line), item = /^\s*([-*]|\d+[.)]) (.*)/.exec(line);
      if (item) {
        const kind = /\d/.test(item[1]) ? "ol" : "ul";
        if (!list || list.localName !== kind) out.append((list = make(kind)));
        list.append(make("li", {}, inline(item[2])));
        continue;
      }
      list = null;
      if (heading) out.append(make(`h${Math.min(heading[1].length + 3, 6)}`, {}, inline(heading[2])));
      else if (line.startsWith("> ")) out.append(make("blockquote", {}, inline(line.slice(2))));
      else if (line.trim()) out.append(make("p", {}, inline(line)));
    }
  }
  return out;
}
