// The page's HTML: what stands in its components among it, and without the scripts that have done their work.
() => {
  const open = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot) {
        open(element.shadowRoot);
        const shown = document.createElement('div');
        shown.append(...element.shadowRoot.childNodes);
        element.prepend(shown);
      }
    }
  };
  open(document);
  for (const done of document.querySelectorAll('noscript, script:not([type*="json"])')) done.remove();
  return document.documentElement.outerHTML;
}
