"""The pages of the documentation that are generated from the code: their texts and files.

Each is a template in ``pages/``, which contains the sentences; the facts come from the package.
"""

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.documentation import receiver
from tools.documentation.calls import calls
from tools.documentation.codes import v1_codes, v4_codes
from tools.documentation.commands import commands
from tools.documentation.couriers import recognised, total
from tools.documentation.logs import logged_events
from tools.documentation.metrics import metrics
from tools.documentation.settings import CARRIERS, settings
from waypost.api.call_limits import MOST_A_SECOND, Call
from waypost.api.push_rates import OF_CONNECTION
from waypost.api.report_rates import BURST_SECONDS
from waypost.domain.attempts import CAUSES, ERRORS, Outcome
from waypost.domain.deliveries import Reason, Settled, Waiting
from waypost.domain.endpoints import Skip, Version
from waypost.domain.inbound import LARGEST_PUSH, PushResult
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.intake.inbox import MOST_UNREAD
from waypost.portal import showing, wording
from waypost.portal.pages.specifications import fields_of
from waypost.portal.snippets import LANGUAGES, Way, snippet
from waypost.sources import carriers, senders
from waypost.sources.karrio.table import bridged

TEMPLATES: Final = Path(__file__).parent / "pages"
DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
CARRIERS_SOURCE: Final = Path(carriers.__file__).parent


@cache
def made_pages() -> dict[str, str]:
    """Return the text of every generated page, by its file in ``docs/``."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701 - Markdown of our own, which is rendered without raw HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(_facts())
    files = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.md"))
    return {file: environment.get_template(file).render() for file in files}


def write() -> list[str]:
    """Write the generated pages, and return those that were stale."""
    stale = []
    for name, text in made_pages().items():
        file = DOCS / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            stale.append(name)
    return stale


def _facts() -> dict[str, object]:
    return {
        "server_settings": [one for one in settings() if not one.name.startswith(CARRIERS)],
        "carrier_settings": [one for one in settings() if one.name.startswith(CARRIERS)],
        "commands": commands(),
        "calls": calls,
        "most_a_second": MOST_A_SECOND[Call.V1],
        "burst_seconds": BURST_SECONDS,
        "carriers": _carriers(),
        "bridged": bridged(),
        "senders": senders.senders(),
        "pushed": _pushed(),
        "largest_push": LARGEST_PUSH,
        "pushes_a_second": OF_CONNECTION,
        "most_unread": MOST_UNREAD,
        "recognised_couriers": tuple(recognised("couriers")),
        "recognised_total": total(tuple(recognised("couriers"))),
        "recognised_posts": total(tuple(recognised("posts"))),
        "receiver": receiver,
        "metrics": metrics(),
        "logged_events": logged_events(),
        "v1_codes": v1_codes(),
        "v4_codes": v4_codes(),
        "statuses": tuple(Status),
        "substatuses": [(name, status_of(name), text) for name, text in SUBSTATUSES.items()],
        "waiting": tuple(Waiting),
        "settled": tuple(Settled),
        "reasons": tuple(Reason),
        "skips": tuple(Skip),
        "outcomes": tuple(Outcome),
        "CAUSES": CAUSES,
        "STATES": wording.STATES,
        "REASONS": wording.REASONS,
        "ERRORS": ERRORS,
        "fields_of": fields_of,
        "sample": _sample,
        "languages": LANGUAGES,
        "snippet": lambda language, way: snippet(language, Way(way)),
    }


def _carriers() -> list[str]:
    """Return the ``doc.md`` of each carrier's folder, one heading lower."""
    pages = sorted(CARRIERS_SOURCE.glob("*/doc.md"))
    return [re.sub(r"^#", "##", page.read_text(encoding="utf-8"), flags=re.MULTILINE) for page in pages]


def _pushed() -> list[tuple[str, str]]:
    """Return each result of a push with its meaning, from the docstring of ``PushResult``."""
    told = dict(re.findall(r"^(\w+) {2,}(.+)$", inspect.getdoc(PushResult) or "", re.MULTILINE))
    return [(one.value, told[one.value]) for one in PushResult]


def _sample(version: str, status: str) -> str:
    """Return a sample body, indented for people; on the wire it is one line."""
    return json.dumps(json.loads(showing.sample_body(Version(version), Status(status))), indent=2)
