"""Page: one HTML file that needs nothing else; light or dark as the reader's machine is."""

from __future__ import annotations

import html
from collections.abc import Iterable

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fdfdfc; --soft: #687076; --line: #d9dcde; --tint: #f1f3f4;
  --accent: #0b6e4f; --bad: #a63a1e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8e9; --paper: #15181a; --soft: #9aa3a8; --line: #33393d; --tint: #1e2326;
    --accent: #5fc7a0; --bad: #f09a7e; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: var(--accent); }
p { margin: .4rem 0; } .soft, figcaption { color: var(--soft); font-size: .875rem; }
.verdict { border-left: 4px solid var(--accent); background: var(--tint); padding: .8rem 1rem; font-size: 1.1rem; border-radius: 0 6px 6px 0; }
.verdict.no { border-color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } tr.ours td { font-weight: 600; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: flex-end; margin: .5rem 0; } .row > div { max-width: 16rem; }
.row svg, .row .soft { display: block; }
.row img { display: block; min-width: 72px; max-width: 140px; image-rendering: pixelated; border: 1px solid var(--line); }
.ask svg { border: 2px solid var(--accent); }
.ask img { border-color: var(--accent); border-width: 2px; }
.text { font-size: .875rem; background: var(--tint); padding: .4rem .6rem; border-radius: 4px; }
ul { padding-left: 1.2rem; }
"""


def page(title: str, body: Iterable[str], soft: str = "") -> str:
    """The whole file. body: HTML that is safe already; title, soft: plain text."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
    top = f"<h1>{html.escape(title)}</h1>" + (f'<p class="soft">{html.escape(soft)}</p>' if soft else "")
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{top}{"".join(body)}</body></html>\n'


def paragraph(text: str, kind: str = "") -> str:
    """Plain text as a paragraph."""
    return f"<p{f' class={kind!r}' if kind else ''}>{html.escape(text)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """Plain lines as a list; nothing for none."""
    told = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{told}</ul>" if told else ""


def table(head: Iterable[str], rows: Iterable[tuple[list[str], bool]]) -> str:
    """rows: (cells, whether it is to stand out). Scrolls sideways by itself where it is too wide."""
    top = "".join(f"<th>{html.escape(c)}</th>" for c in head)
    body = "".join(f"<tr{' class=ours' if bold else ''}>{''.join(f'<td>{html.escape(c)}</td>' for c in cells)}</tr>" for cells, bold in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
