"""A checkpoint for the loop engine to a session: the same as llama.cpp's, another backend behind it.

Blocking; the server runs it on a thread.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from context.tokenised import TokenisedItems
from lsp_server.installed_adapters import installed_adapters
from lsp_server.model_session import (
    ON_GPU,
    REMEMBERED_BLOCKS,
    ModelSession,
    Report,
    affordable,
    prompt_format,
    room,
)
from lsp_server.settings import Settings

if TYPE_CHECKING:
    from engine.backend import Backend
    from engine.catalog import ResolvedModel
    from engine.decoding import Decoder
    from engine.speed import Speed

_ON_CPU = 8192  # tokens of cache where no GPU is, unless the settings say otherwise
NAMED = 4  # prefixes that are kept by name; they cost nothing but what they alone hold


def open_loop_session(
    settings: Settings, model: ResolvedModel, report: Report, cancelled: threading.Event | None = None
) -> ModelSession:
    """Load the checkpoint that ``settings`` ask for. Raises EngineError with a sentence."""
    from engine.choice import speed_book
    from engine.errors import BackendError

    if find_spec("torch") is None:
        raise BackendError(
            f"{model.path} is run by the loop engine, which needs torch: pip install 'codeflow-lsp[loop]'."
        )
    from engine.chat import read_chat_template
    from engine.engine import BRANCHES, SEQUENCES, Engine
    from engine.loop.device import choose_device
    from engine.loop.opening import open_loop, plan_for, state_identity

    options, name = settings.engine, model.entry.name if model.entry else model.path.name
    device = choose_device(options.device)
    wanted = options.context_tokens or (ON_GPU if device == "cuda" else _ON_CPU)
    sequences = SEQUENCES + NAMED
    plan = plan_for(
        model.path, sequences=sequences, context_tokens=wanted, device=device, quantise=options.quantise
    )
    report(f"loading {name} {plan.sentence}", None)
    identity = state_identity(model.path, plan)
    installed = tuple(installed_adapters(model.path))
    own = {one.name: one.folder for one in installed}
    measured: list[Speed] = []

    def open_decoder(backend: Backend) -> Decoder:
        from engine.decoding import Decoder
        from engine.speed import measure

        book = speed_book()
        if (speed := book.get(identity)) is None:
            report(f"measuring {name}", None)
            book.put(identity, speed := measure(backend))
        measured.append(speed)
        return Decoder(
            backend,
            BRANCHES,
            named=NAMED,
            speed=speed,
            parked_bytes=options.parked_mb * 1_000_000,
            saved=_saved_prefixes(identity, options.saved_mb),
        )

    engine = Engine(
        lambda: open_loop(
            model.path,
            plan,
            sequences=sequences,
            adapters=own | adapters_of(options.adapters),
            report=lambda share: report(f"loading {name}", share),
            cancelled=cancelled,
        ),
        open_decoder=open_decoder,
    )
    tokenizer, context_tokens = engine.opened.result().tokenizer, plan.fit.context_tokens
    speed = measured[0]
    budget = settings.context.budget_tokens or affordable(speed, context_tokens)
    encode, form = lru_cache(REMEMBERED_BLOCKS)(tokenizer.encode), prompt_format(tokenizer)
    return ModelSession(
        engine=engine,
        encode=encode,
        form=form,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=max(1, min(budget, context_tokens - room(settings, context_tokens))),
        name=name,
        path=model.path,
        reason=plan.sentence,
        speed=speed,
        notice=model.notice,
        tokenize=tokenizer.encode,
        template=lambda: read_chat_template(model.path),
        installed=installed,
        keeps_prefixes=True,
    )


def adapters_of(written: tuple[str, ...]) -> dict[str, Path]:
    """Folders by name, from "name=folder". Raises BackendError."""
    from engine.errors import BackendError

    found = {}
    for text in written:
        name, sign, folder = (part.strip() for part in text.partition("="))
        if not (name and sign and folder):
            raise BackendError(f"engine.adapters holds {text!r}; each should be written as name=folder.")
        found[name] = Path(folder).expanduser()
    return found


def _saved_prefixes(identity: str, saved_mb: int):
    from engine.saved_prefixes import SavedPrefixes, prefixes_dir

    return SavedPrefixes(prefixes_dir(), identity, saved_mb * 1_000_000) if saved_mb else None
