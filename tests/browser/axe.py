"""axe-core in headless Chromium: what of a page keeps somebody from reading it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.browser.chromium import dom

_AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")

# Runs axe-core in each page, in a frame, and leaves what it found as the page's text.
_HARNESS = """<!doctype html><meta charset="utf-8"><title>axe</title><body><script>
const pages = PAGES, axe = AXE_SOURCE;
async function look(page) {
  const frame = document.createElement('iframe');
  frame.width = WIDTH; frame.height = 900; frame.srcdoc = page[1];
  await new Promise(done => { frame.onload = done; document.body.append(frame); });
  const inner = frame.contentWindow, script = frame.contentDocument.createElement('script');
  script.textContent = axe; frame.contentDocument.head.append(script);
  const found = await inner.axe.run(frame.contentDocument, {resultTypes: ['violations']});
  const root = frame.contentDocument.documentElement;
  const result = {page: page[0], passes: found.passes.length, wide: root.scrollWidth,
    dark: inner.matchMedia('(prefers-color-scheme: dark)').matches,
    violations: found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' '))};
  frame.remove();
  return result;
}
(async () => {
  const results = [];
  for (const page of pages) {
    try { results.push(await look(page)); } catch (error) { results.push({page: page[0], error: String(error)}); }
  }
  document.body.textContent = JSON.stringify(results);
})();
</script>"""


def look(pages: Sequence[tuple[str, str]], *, dark: bool = False, width: int = 320) -> list[dict[str, Any]]:
    """For each (name, HTML), in a window of ``width`` pixels: ``page`` (its name), ``violations``, how many rules it
    ``passes``, how ``wide`` it is in pixels, and whether it was ``dark``; or ``error``."""
    source = _HARNESS.replace("WIDTH", str(width), 1).replace(
        "PAGES", json.dumps(pages).replace("</", "<\\/"), 1
    )
    shown = dom(source.replace("AXE_SOURCE", json.dumps(_AXE).replace("</", "<\\/"), 1), dark=dark)
    found = re.search(r"<body>(.*)</body>", shown, re.DOTALL)
    assert found is not None
    results: list[dict[str, Any]] = json.loads(html.unescape(found.group(1)))
    return results
