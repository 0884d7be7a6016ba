"""New texts to an ``EditPlan``: a promise that is checked before it is made.

A plan holds documents of one version with the fewest edits that change them, files that would be new or have
another name, and what the checks say. Nothing here writes a file, and what would reach outside the workspace
is refused with a sentence. Knows no LSP; making a plan takes a worker thread some 50 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from context.document import Document, Edit, Position
from context.language import language_of_path
from context.refactor.difference import applied, difference
from context.refactor.values import Rewrite
from context.verify import Checks, verify_all
from lsp_server.edit_bounds import Bounds, PlanRefused

__all__ = ["DocumentChange", "EditPlan", "PlanRefused", "plan_from_rewrite", "plan_from_text"]


NOT_CHECKED = Checks(skipped=("not checked",), unproven=True)


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """Edits of one document, all positions in it as it is; ``label``: the step they are part of."""

    document: Document
    edits: tuple[Edit, ...]
    label: str

    @property
    def after(self) -> str:
        """The text after the edits."""
        return applied(self.document, self.edits)


@dataclass(frozen=True, slots=True)
class EditPlan:
    """What would be changed, and what the checks say of it.

    ``created``: paths with texts; ``renamed``: old and new paths; both relative to ``folder``, with forward
    slashes. ``name_at``: where in the first document's new text a name stands that may be chosen anew.
    ``notes``: what could not be known, and is left to the user's eye.
    """

    title: str
    changes: tuple[DocumentChange, ...] = ()
    created: tuple[tuple[str, str], ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    folder: Path | None = None
    checks: Checks = NOT_CHECKED
    name_at: Position | None = None
    notes: tuple[str, ...] = ()

    def texts_after(self) -> tuple[tuple[Document, str], ...]:
        """The changed documents with their new texts."""
        return tuple((change.document, change.after) for change in self.changes)

    def uri_of(self, path: str) -> str:
        """The URI of a path that is created or renamed."""
        assert self.folder is not None  # noqa: S101 - without one such a plan is refused
        return (self.folder / path).as_uri()


def plan_from_rewrite(
    rewrite: Rewrite, title: str, folders: Sequence[Path] = (), *, lint: bool = True
) -> EditPlan:
    """A checked plan. The first document is the one that was asked about; the others lie in ``folders``.

    Raises `PlanRefused` for what changes nothing, reaches too far, or touches a file twice.
    """
    texts = [(document, after) for document, after in rewrite.texts if document.text != after]
    if not texts and not rewrite.created and not rewrite.renamed:
        raise PlanRefused("Nothing would change.")
    first = rewrite.texts[0][0] if rewrite.texts else None
    bounds = Bounds(tuple(folders), first.uri if first else "")
    folder = bounds.folder_of(first) if first else next(iter(folders), None)
    for document, _ in texts:
        bounds.check_changed(document)
    for path, _ in rewrite.created:
        bounds.check_created(folder, path)
    for old, new in rewrite.renamed:
        bounds.check_renamed(folder, old, new)
    _once(
        [document.uri for document, _ in texts],
        [path.casefold() for path, _ in rewrite.created] + [new.casefold() for _, new in rewrite.renamed],
    )
    fresh = [
        (Document.of(path, path, language_of_path(path).name, 0, ""), text) for path, text in rewrite.created
    ]
    return EditPlan(
        title,
        tuple(DocumentChange(document, difference(document, after), title) for document, after in texts),
        rewrite.created,
        rewrite.renamed,
        folder,
        verify_all([*texts, *fresh], root=folder, lint=lint),
        rewrite.name_at,
        rewrite.notes,
    )


def plan_from_text(
    document: Document, after: str, title: str, folders: Sequence[Path] = (), *, lint: bool = True
) -> EditPlan:
    """A checked plan for one document. Raises `PlanRefused`."""
    return plan_from_rewrite(Rewrite(((document, after),)), title, folders, lint=lint)


def _once(*groups: Sequence[str]) -> None:
    for names in groups:
        if len(set(names)) < len(names):
            raise PlanRefused("The same file would be changed twice.")
