"""An edit by instruction: asks the model for it, and makes a document's new text of the answer.

The answer is held to its form while it is written, and read as if it had not been: a server's model is not
held to anything. Thoughts, fences and chatter never reach the text. Whether the edit is any good is for
``context.verify`` to say.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from context.document import Document
from context.items import ContextItem
from context.refactor.values import Selection
from lsp_server.answer_forms import AnswerForm, Region, form_for, in_blocks, written_anew
from lsp_server.edit_bounds import PlanRefused
from lsp_server.edit_prompt import SYSTEM, message, region_of, writes_stars
from lsp_server.model_session import ModelSession

if TYPE_CHECKING:
    from engine.request import GenerationRequest

_LANE = "edit"  # the newest edit stops the one before
_READ_S = 4.0  # seconds that may be spent on reading what is not the lines themselves
_MOST_REASON = 96  # tokens of the line that says what is to be changed
_REASON = (
    "First say on one line which part of these lines has to be changed and to what. Then answer as told."
)
_LEAST_SHOWN = 64  # tokens of the template and the words around the lines


class EditRefused(PlanRefused):
    """An edit that the model cannot make here, or that is not to be used; the message says why."""


async def edit(
    session: ModelSession,
    document: Document,
    region: Selection,
    instruction: str,
    *,
    role: str = "instruct",
    tell: Callable[[str], None] | None = None,
    facts: Sequence[ContextItem] = (),
    action: str = "",
    form: str = "",
    held: bool = True,
) -> str:
    """The document's new text. ``region``: whole lines that may be changed.

    A model that only repeats what is there is asked once more, and says first what is to be changed.
    ``tell`` gets what the model writes as it comes, on the engine's thread. ``facts``: evidence for the place
    (a dossier's items). ``action``: the offer's, where that allows for a shorter answer. ``form``: "anew" or
    "blocks", else the one that suits; ``held``: to its form. Cancelling the task stops the model. Raises
    EngineError, EditRefused and PlanRefused.
    """
    asking = (session, document, region, instruction, role, facts, action, form, held)
    asked = await asyncio.to_thread(_prepare, *asking, False)
    text = await asked.answered(session, tell)
    if text != document.text or not asked.given:
        return text
    try:
        asked = await asyncio.to_thread(_prepare, *asking, True)
        return await asked.answered(session, tell)
    except PlanRefused:
        return text  # that nothing would change says more


class _Asked:
    """A request, and what its answer means."""

    def __init__(
        self,
        request: GenerationRequest,
        form: AnswerForm,
        *,
        thinking: bool,
        given: bool,
        stars: Callable[[str], bool],
    ) -> None:
        self.request, self.form = request, form
        self.thinking, self.given, self.stars = thinking, given, stars

    async def answered(self, session: ModelSession, tell: Callable[[str], None] | None) -> str:
        """Ask, wait, read."""
        from engine.request import FinishReason, Token
        from engine.thoughts import ThoughtFilter, without_thoughts

        thoughts, bytes_ = (
            ThoughtFilter(inside=self.thinking),
            codecs.getincrementaldecoder("utf-8")("replace"),
        )

        def on_token(token: Token) -> None:
            if tell is not None and (piece := thoughts.feed(bytes_.decode(token.piece))):
                tell(piece)

        handle = session.engine.submit(self.request, on_token)
        try:
            found = await asyncio.shield(asyncio.wrap_future(handle.result))
        except asyncio.CancelledError:
            handle.cancel()
            raise
        if found.finish is FinishReason.CANCELLED or not found.candidates:
            raise EditRefused("The edit was stopped: another one was asked for.")
        if found.finish is FinishReason.LENGTH:
            raise EditRefused(
                f"The model was not done after {self.request.max_tokens} tokens; select fewer lines, or ask "
                "for less."
            )
        answer = without_thoughts(found.candidates[0].text, inside=self.thinking)
        text = self.form.text_of(answer if self.given else self.form.behind_opening(answer))
        if self.stars(text):
            raise EditRefused("The edit would write stars in place of a secret, which no model is shown.")
        return text


def _prepare(
    session: ModelSession,
    document: Document,
    selection: Selection,
    instruction: str,
    role: str,
    facts: Sequence[ContextItem],
    action: str,
    form_name: str,
    held: bool,
    reason_first: bool,
) -> _Asked:
    """What to ask. Takes some milliseconds."""
    from engine.request import GenerationRequest, Sampling
    from engine.roles import INSTRUCT, THINKING

    region, used = region_of(document, selection), THINKING if role == THINKING.name else INSTRUCT

    def count(text: str) -> int:
        return len(session.encode(text))

    total = _tokens_of(session)
    needed = count("\n".join(region.shown)) + count(instruction) + _LEAST_SHOWN
    if needed > total:
        raise _too_long(region, session, total)
    if form_name:
        form = {"anew": written_anew, "blocks": in_blocks}[form_name](region, count)
    else:
        form = form_for(region, action, count)
    if form.name == "anew" and region.hidden:
        where = ", ".join(str(number + 1) for number in sorted(region.hidden))
        raise EditRefused(
            f"Line {where} holds what looks like a secret, which no model is shown; select other lines."
        )
    needed += count(form.wish) + _MOST_REASON * reason_first
    if needed + form.most_tokens > total:
        raise _too_long(region, session, total)
    room = min(total - needed - form.most_tokens, int(session.speed.prefill * _READ_S))
    text = message(region, instruction, form, facts, count, room)
    tokens, thinking = _turn(session, f"{text}\n{_REASON}" if reason_first else text)
    given = not (thinking or used.thinks or reason_first)
    if given:
        tokens += session.encode(form.opening)
        constraint, most_tokens = form.format, form.most_tokens
    elif reason_first:
        constraint, most_tokens = form.behind("\n"), form.most_tokens + _MOST_REASON
    else:
        constraint = form.behind("</think>\n\n") if thinking else None
        most_tokens = max(form.most_tokens, total - len(tokens))
    return _Asked(
        GenerationRequest(
            tokens=tokens,
            begin_with=form.begin_with.encode() if given else b"",
            max_tokens=most_tokens,
            stop_when=(lambda said: form.mark in said) if form.mark and given else None,
            sampling=used.sampling if used.thinks else Sampling(),
            lane=_LANE,
            constraint=constraint if held else None,
        ),
        form,
        thinking=thinking,
        given=given,
        stars=lambda text: writes_stars(region, text),
    )


def _too_long(region: Region, session: ModelSession, total: int) -> EditRefused:
    return EditRefused(
        f"These {region.last - region.first} lines are too long for {session.name}, which has {total} tokens "
        "for them and its answer (engine.contextTokens); select fewer."
    )


def _turn(session: ModelSession, text: str) -> tuple[tuple[int, ...], bool]:
    """The prompt up to where the answer begins, and whether that is inside of thoughts."""
    template, tokenize = session.template, session.tokenize
    if template is None or tokenize is None:  # it completes text: the answer is what follows the question
        return (*session.form.begin, *session.encode(f"{SYSTEM}\n\n{text}\n\n")), False
    from engine.conversation import Said, next_turn

    turn = next_turn(template(), [Said("system", SYSTEM), Said("user", text)], tokenize)
    return turn.tokens, turn.thinking


def _tokens_of(session: ModelSession) -> int:
    """For a prompt and its answer."""
    opened: Any = session.engine.opened.result()
    return session.budget_tokens if session.path is None else opened.context_tokens
