"""The page as one file: a report that is opened without a server, holds all its data and asks no network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from billp.catalogue import Catalogue
from billp.errors import BadInputError
from billp.pages.comparing import Difference, all_differences, compared
from billp.pages.geometry import drawing
from billp.reports import Report
from billp.reports.page_episodes import BUDGET, episodes_json
from billp.whole_files import write_whole

_STATIC = Path(__file__).parent / "static"
_DIFFERENCES = TypeAdapter(dict[str, list[Difference]])
_IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


@dataclass(frozen=True)
class PageFile:
    """The text of the file, how many episodes it holds, and how many there are."""

    text: str
    held: int
    of: int


def page_file(report: Report, catalogues: Mapping[str, Catalogue], budget: int = BUDGET) -> PageFile:
    """Returns the page that shows `report`.

    `catalogues` gives titles by dataset fingerprint; `budget` is the most bytes that episodes may take.
    """
    episodes = episodes_json(report.rows, catalogues, budget)
    parts = {
        "title": json.dumps(report.title),
        "comparison": compared(report).model_dump_json(),
        "differences": _DIFFERENCES.dump_json(all_differences(report)).decode(),
        "drawing": drawing().model_dump_json(),
        "episodes": episodes.text,
    }
    data = ",".join(f'"{name}":{text}' for name, text in parts.items())
    return PageFile(_page().replace("@data@", _escaped(f"{{{data}}}"), 1), episodes.held, episodes.of)


def write_page(report: Report, target: Path, catalogues: Mapping[str, Catalogue], budget: int = BUDGET) -> PageFile:
    """Writes the page that shows `report` into the file `target`, whole or not at all, and returns it.

    Arguments are those of `page_file`. Raises BadInputError if the file cannot be written.
    """
    if target.is_dir():
        raise BadInputError(f"The report cannot be written to {target}, a folder; give --out the name of a file.")
    page = page_file(report, catalogues, budget)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, page.text)
    except OSError as error:
        raise BadInputError(
            f"The report cannot be written to {target} ({error.strerror}); give another --out."
        ) from error
    return page


@cache
def _page() -> str:
    """Returns the page with style and scripts in it, and a place for the data."""
    text = _read("index.html")
    style = "".join(_read(name) for name in re.findall(r'<link rel="stylesheet" href="([\w.]+)">', text))
    script = "\n".join(['"use strict";', *bundled("file")])
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    text = re.sub(r'<link rel="stylesheet".*\n|<script.*\n', "", text)
    text = re.sub(r"  <nav.*?</nav>\n", "", text, flags=re.DOTALL)
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n</head>'
    data = '<script type="application/json" id="held">@data@</script>'
    text = text.replace("</head>", head, 1).replace("</body>", f"{data}\n<script>{script}</script>\n</body>", 1)
    return text


def bundled(name: str, known: dict[str, None] | None = None) -> list[str]:
    """Returns the module `name` after those that it imports, each as a function that runs once.

    One script needs no address to load modules from, so that the policy can name it by its digest.
    """
    known = {} if known is None else known
    if name in known:
        return []
    known[name] = None
    text = _read(f"{name}.js")
    found = [part for other in _IMPORT.findall(text) for part in bundled(other[1], known)]
    body = _IMPORT.sub(lambda match: f"const {{ {match[1]} }} = module_{match[2]};\n", text)
    names = ", ".join(match[1] for match in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1", body)
    return [*found, f"const module_{name} = (() => {{\n{body}return {{ {names} }};\n}})();"]


def _escaped(text: str) -> str:
    """Returns JSON as the text of a script element: nothing in it can end that element or begin another."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")
