"""From settings to a model that serves: resolve, choose, open, and what context needs to know of it.

Blocking; the server runs it on a thread and passes what it reports on as progress.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from context.dossier import Dossier
from context.prompt import Encode, PromptFormat
from context.tokenised import TokenisedItems
from lsp_server.installed_adapters import InstalledAdapter
from lsp_server.settings import Settings

if TYPE_CHECKING:
    from engine.backend import FimMarkers, MarkedTokenizer
    from engine.catalog import ResolvedModel
    from engine.chat import ChatTemplate
    from engine.engine import Engine
    from engine.llama.model import LlamaModel
    from engine.saved_prefixes import SavedPrefixes
    from engine.speed import Speed
    from lsp_server.shared.client_engine import ClientEngine

Report = Callable[[str, float | None], None]  # what is being done, and the share done (None: not known)
OpenSession = Callable[[Settings, Report, threading.Event | None], "ModelSession"]  # see open_session

_AFFORDED_S = 6.0  # seconds of prefill that a cold prompt may cost
_LEAST, _MOST = 1024, 4096  # tokens: below, other files have no room; above, depth slows every token of a CPU
_QUICK = 1_500  # tokens of prefill a second: a GPU, which depth costs little
DOWNLOADING = "downloading"  # how a report of a download begins
ON_GPU = 32_768  # tokens of KV cache there, unless the settings say otherwise
_MARGIN = 256  # tokens
_PREPARED = 2  # times the budget: packing passes over pieces that are too large
REMEMBERED_BLOCKS = 1 << 16  # tokenised blocks kept: some 10 MB, more lines than a window ever shows


@dataclass(frozen=True)
class ModelSession:
    """A running engine, and the plain values that ``context`` wants of its model."""

    engine: Engine[Any] | ClientEngine
    encode: Encode
    form: PromptFormat
    tokenised: TokenisedItems
    budget_tokens: int
    name: str
    path: Path | None  # None where a server has it
    reason: str
    speed: Speed
    notice: str | None = None
    tokenize: Callable[..., tuple[int, ...]] | None = None  # the tokenizer's own ``encode``
    template: Callable[[], ChatTemplate] | None = None  # None where it cannot be asked in words
    installed: tuple[InstalledAdapter, ...] = ()  # adapters of workspaces, that the engine holds
    keeps_prefixes: bool = False  # whether what prompts begin with can be kept by name for next to nothing

    def prepare(self, dossier: Dossier) -> None:
        """Tokenise a dossier's pieces, the most relevant first, as far as a prompt may come to hold them."""
        left = _PREPARED * self.budget_tokens
        for item in sorted(dossier.items, key=lambda item: -item.relevance):
            if left <= 0:
                break
            left -= len(self.tokenised.ids(item))

    @property
    def summary(self) -> str:
        """One line for a status display."""
        way = "fill-in-the-middle" if self.form.fills_in else "prefix only: the model has no FIM markers"
        return f"{self.name} ({way}, {self.budget_tokens} prompt tokens)"


def open_session(
    settings: Settings, report: Report, cancelled: threading.Event | None = None
) -> ModelSession:
    """Obtain and open the model that ``settings`` ask for. Raises EngineError with a sentence.

    Where a file that was proven once cannot be opened, it is proven again, and replaced if it was damaged.
    """
    from engine.catalog import forget_proofs
    from engine.errors import ModelCorrupt

    try:
        return _open_session(settings, report, cancelled)
    except ModelCorrupt:
        if (cancelled is not None and cancelled.is_set()) or not forget_proofs():
            raise
    return _open_session(settings, report, cancelled)


def _open_session(settings: Settings, report: Report, cancelled: threading.Event | None) -> ModelSession:
    if backend_of(settings) == "remote":
        from lsp_server.remote_session import open_remote_session

        return open_remote_session(settings, report, cancelled)
    from engine.catalog import Progress, cache_dir, resolve
    from engine.chat import gguf_chat_template
    from engine.choice import choose_model, speed_book, speed_of
    from engine.decoding import Decoder
    from engine.engine import Engine
    from engine.kept_vocabulary import KeptVocabulary
    from engine.llama.opening import open_llama, state_identity, vocabulary_identity

    def on_progress(progress: Progress) -> None:
        share = progress.done_bytes / progress.total_bytes if progress.total_bytes else None
        report(f"{DOWNLOADING} {progress.name} ({progress.what})", share)

    if settings.model.name == "auto":
        report("choosing a model", None)
        choice = choose_model(allow_pull=settings.model.download, report=on_progress, cancelled=cancelled)
        model, speed, reason = choice.model, choice.speed, choice.reason
    else:
        model = resolve(
            settings.model.name, allow_pull=settings.model.download, report=on_progress, cancelled=cancelled
        )
        if runs_in_loop(settings, model):
            from lsp_server.loop_session import open_loop_session

            return open_loop_session(settings, model, report, cancelled)
        speed, reason = speed_of(model, speed_book()), "chosen in the settings"
    name = model.entry.name if model.entry else model.path.stem
    budget, context_tokens = sizes(settings, speed)
    report(f"loading {name}", None)
    sha256 = model.entry.sha256 if model.entry else ""
    branches, sequences = _sequences(settings, context_tokens)
    identity = state_identity(model.path, sha256, context_tokens=context_tokens, sequences=sequences)
    saved = _saved_prefixes(settings, identity)
    if saved is not None:
        saved.read_ahead()
    kept = KeptVocabulary(cache_dir() / "vocabularies", vocabulary_identity(model.path, sha256))
    engine = Engine(
        lambda: open_llama(
            model.path,
            sequences=sequences,
            context_tokens=context_tokens,
            threads=settings.engine.threads,
            gpu_layers=settings.engine.gpu_layers,
            report=lambda share: report(f"loading {name}", share),
            cancelled=cancelled,
            kept=kept,
        ),
        open_decoder=lambda backend: Decoder(
            backend,
            branches,
            speed=speed,
            parked_bytes=settings.engine.parked_mb * 1_000_000,
            saved=saved,
            vocabulary=cast("LlamaModel", backend.tokenizer).vocabulary,
        ),
    )
    tokenizer = cast("LlamaModel", engine.opened.result().tokenizer)
    encode, form = lru_cache(REMEMBERED_BLOCKS)(tokenizer.encode), prompt_format(tokenizer)
    return ModelSession(
        engine=engine,
        encode=encode,
        form=form,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=min(budget, tokenizer.trained_context),
        name=name,
        path=model.path,
        reason=reason,
        speed=speed,
        notice=model.notice,
        tokenize=tokenizer.encode,
        template=lambda: gguf_chat_template(tokenizer.metadata, str(model.path)),
    )


def backend_of(settings: Settings) -> str:
    """What ``engine.backend`` comes to before a model is known: "remote", "loop", "llama" or "auto".

    Raises BackendError where it cannot be.
    """
    from engine.errors import BackendError

    wanted = settings.engine.backend
    if wanted == "remote" and not settings.remote.url:
        raise BackendError("engine.backend is remote, but remote.url names no server.")
    if wanted == "loop" and settings.model.name == "auto":
        raise BackendError(
            "engine.backend is loop, but model.name names no model for it: give the folder of a checkpoint."
        )
    return "remote" if wanted == "auto" and settings.remote.url else wanted


def is_remote(settings: Settings) -> bool:
    """Whether a server is asked in place of a model here. Raises BackendError."""
    return backend_of(settings) == "remote"


def runs_in_loop(settings: Settings, model: ResolvedModel) -> bool:
    """Whether the loop engine runs ``model``. Raises BackendError where the settings want what cannot be."""
    from engine.errors import BackendError

    wanted = settings.engine.backend
    if wanted in ("loop", "llama") and wanted != model.engine:
        kind = "a folder of safetensors" if model.engine == "loop" else "a GGUF file"
        raise BackendError(
            f"engine.backend is {wanted}, but {model.path} is {kind}, which {model.engine} runs."
        )
    return model.engine == "loop"


def _saved_prefixes(settings: Settings, identity: str) -> SavedPrefixes | None:
    """Evaluated prompts of earlier sessions; None where none are kept."""
    from engine.saved_prefixes import SavedPrefixes, prefixes_dir

    if not settings.engine.saved_mb:
        return None
    return SavedPrefixes(prefixes_dir(), identity, settings.engine.saved_mb * 1_000_000)


def _sequences(settings: Settings, context_tokens: int) -> tuple[int, int]:
    """How many sequences hold prompts, and how many there are; on a GPU they share their cells."""
    from engine.engine import BRANCHES, BRANCHES_IF_LONG, LONG_TOKENS, SEQUENCES, SEQUENCES_IF_LONG
    from engine.llama.opening import has_gpu

    on_gpu = settings.engine.gpu_layers != 0 and has_gpu()
    if context_tokens > LONG_TOKENS and not on_gpu:
        return BRANCHES_IF_LONG, SEQUENCES_IF_LONG
    return BRANCHES, SEQUENCES


def sizes(settings: Settings, speed: Speed) -> tuple[int, int]:
    """Tokens of a prompt, and of the KV cache: on a CPU what one prompt needs, on a GPU what all share."""
    given, quick = settings.engine.context_tokens, speed.prefill >= _QUICK
    budget = settings.context.budget_tokens or affordable(speed, given or (ON_GPU if quick else 0))
    if not given:
        return budget, max(ON_GPU, 2 * budget) if quick else budget + room(settings, budget)
    return max(1, min(budget, given // 2 if quick else given - room(settings, given))), given


def room(settings: Settings, tokens: int) -> int:
    """Tokens for the answer to a prompt of ``tokens``, and because prompts grow before they are cut."""
    return min(settings.completion.max_tokens + _MARGIN + tokens // 8, tokens // 2)


def affordable(speed: Speed, context_tokens: int) -> int:
    """Tokens of a prompt that a machine of this speed evaluates in time, with a KV cache of that size."""
    most = _MOST if speed.prefill < _QUICK else max(_MOST, context_tokens // 2)
    return max(_LEAST, min(most, int(speed.prefill * _AFFORDED_S)))


def any_tokenizer(name: str) -> tuple[str, Encode, PromptFormat]:
    """A model's name, tokenizer and markers without its weights, from what is on this machine.

    ``auto`` takes any that is here, since models of one family share their vocabulary. Raises EngineError.
    """
    from engine.catalog import load_catalog, resolve, trusted_path
    from engine.errors import ModelUnavailable
    from engine.llama.model import LlamaModel

    if name == "auto":
        here = (path for entry in load_catalog() if entry.automatic and (path := trusted_path(entry)))
        path = next(here, None)
        if path is None:
            raise ModelUnavailable("No model is on this machine yet: codeflow-lsp models pull obtains one.")
    else:
        path = resolve(name, allow_pull=False).path
    tokenizer = LlamaModel(path, vocabulary_only=True)
    return path.stem, lru_cache(REMEMBERED_BLOCKS)(tokenizer.encode), prompt_format(tokenizer)


def prompt_format(tokenizer: MarkedTokenizer) -> PromptFormat:
    """The model's FIM markers as token ids."""
    from engine.fim import markers_of

    return format_of(markers_of(tokenizer), tokenizer.encode, tokenizer.bos_tokens)


def format_of(
    markers: FimMarkers, encode: Callable[..., tuple[int, ...]], begin: tuple[int, ...] = ()
) -> PromptFormat:
    """Markers as token ids; ``encode`` is a tokenizer's, and takes ``special``."""

    def ids(text: str) -> tuple[int, ...]:
        return encode(text, special=True) if text else ()

    return PromptFormat(
        begin=begin,
        prefix=ids(markers.prefix),
        suffix=ids(markers.suffix),
        middle=ids(markers.middle),
        file_separator=ids(markers.file_separator),
        repository=ids(markers.repository),
        suffix_first=markers.suffix_first,
    )
