"""An offer as the ``data`` of a code action, and back: what is resolved later comes from the client.

The data names the document's version, so that an offer made for an older text is known as such.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cattrs import BaseValidationError
from cattrs.preconf.json import make_converter

from context.document import Position
from context.refactor import Offer, Selection

_CONVERTER = make_converter()
_CONVERTER.register_structure_hook(Position, lambda value, _: Position(int(value[0]), int(value[1])))
_CONVERTER.register_structure_hook(
    Selection,
    lambda value, _: Selection(*(_CONVERTER.structure(part, Position) for part in value)),
)


class Offered(NamedTuple):
    """An offer for one version of a document. ``preview``: it is to be looked at before it is applied."""

    uri: str
    version: int
    offer: Offer
    preview: bool = False


def to_data(offered: Offered) -> dict[str, Any]:
    """As JSON."""
    offer = offered.offer
    return {
        "uri": offered.uri,
        "version": offered.version,
        "preview": offered.preview,
        "offer": {
            "action": offer.action,
            "kind": offer.kind,
            "title": offer.title,
            "selection": [list(offer.selection.start), list(offer.selection.end)],
            "name": offer.name,
            "exact": offer.exact,
        },
    }


def from_data(data: Any) -> Offered | None:
    """What ``to_data`` wrote; None for anything else."""
    if not isinstance(data, dict):
        return None
    try:
        offer = _CONVERTER.structure(data["offer"], Offer)
        return Offered(str(data["uri"]), int(data["version"]), offer, bool(data.get("preview")))
    except (KeyError, TypeError, ValueError, BaseValidationError):
        return None


def plain(value: Any) -> Any:
    """pygls hands untyped JSON over as named tuples; dictionaries again, all the way down."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
