"""Settings: nested frozen dataclasses whose defaults are the manual (a test checks docs/settings.md).

Editors send them as camelCase JSON under ``codeflow``. A bad value is reported in a sentence and its default
used; nothing a user writes in their settings stops the server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, get_type_hints


def _setting(
    default: Any, doc: str, *, choices: tuple[str, ...] = (), least: int | None = None, scope: str = "window"
) -> Any:
    """``scope`` is VS Code's word for who may set it: "machine-overridable" where it names a program, a path,
    an address or a model, which a workspace that is not trusted may not; "editor": the editor itself."""
    return field(default=default, metadata={"doc": doc, "choices": choices, "least": least, "scope": scope})


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model serves."""

    name: str = _setting(
        "auto",
        "`auto`, a name from `codeflow-lsp models list`, the path of a GGUF file or of a checkpoint's "
        "folder, or `hf:owner/name`, a repository of Hugging Face with safetensors.",
        scope="machine-overridable",
    )
    thinking: str = _setting(
        "",
        "The model for hard questions (`codeflow/ask` with the role `thinking`), as `name` is written; it is "
        "opened when it is first asked. Empty: the same model.",
        scope="machine-overridable",
    )
    download: bool = _setting(True, "Whether the server may download a model that is missing.")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the model is run."""

    context_tokens: int = _setting(
        0,
        "Size of the KV cache: the longest prompt with its answer, in tokens; 0 takes what the budget needs. "
        "On a CPU each of five sequences has so many (of three from 8193 on), on a GPU all share them.",
        least=0,
    )
    backend: str = _setting(
        "auto",
        "What runs the model: `llama` (llama.cpp, GGUF files), `loop` (LoopAttention in torch, folders of "
        "safetensors), `remote` (the server of `remote.url`); `auto` goes by the model, or takes the server "
        "where one is set.",
        choices=("auto", "llama", "loop", "remote"),
    )
    device: str = _setting(
        "auto",
        "Where the loop engine computes: `cuda`, `cpu`; `auto` takes a GPU where there is one, and says so "
        "where it cannot be used.",
        choices=("auto", "cuda", "cpu"),
    )
    quantise: str = _setting(
        "auto",
        "Whether the loop engine rounds weights to 4 bits: `int4`, `none`; `auto` where they do not fit "
        "otherwise.",
        choices=("auto", "int4", "none"),
    )
    adapters: tuple[str, ...] = _setting(
        (),
        "LoRA adapters (folders in PEFT's format) that the loop engine holds beside the model, each as "
        "`name=folder`.",
        scope="machine-overridable",
    )
    threads: int = _setting(
        0, "Most CPU threads to use; 0 takes the cores that other processes leave.", least=0
    )
    gpu_layers: int = _setting(
        -1, "Layers to put on a GPU where llama.cpp was built for one; -1 means all.", least=-1
    )
    parked_mb: int = _setting(
        256, "Memory for evaluated prompts that may be needed again, beside those in use.", least=0
    )
    saved_mb: int = _setting(
        1000,
        "Disk space for evaluated prompts of earlier sessions, for quick starts; 0: none.",
        least=0,
    )
    ahead: str = _setting(
        "always",
        "Evaluate in idle time what will be asked next: `always`, `plugged in` (not on battery), `never`.",
        choices=("always", "plugged in", "never"),
    )


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """A server that is asked in place of a model on this machine."""

    url: str = _setting(
        "",
        "An OpenAI-compatible server, such as `https://models.example.org/v1`, that is sent every prompt in "
        "place of a model on this machine; empty: nothing is sent anywhere. See [remote.md](remote.md).",
        scope="machine-overridable",
    )
    model: str = _setting("", "Which of its models; empty takes the only one.", scope="machine-overridable")
    markers: str = _setting(
        "auto",
        "That model's fill-in-the-middle markers: `auto` (by the server's tokenizer, or the model's name), "
        "`none`, or a family.",
        choices=(
            "auto",
            "none",
            "qwen",
            "starcoder",
            "granite",
            "deepseek",
            "codellama",
            "codegemma",
            "codestral",
        ),
    )


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """What is suggested."""

    enabled: bool = _setting(True, "Whether anything is suggested at all.")
    max_tokens: int = _setting(96, "Most tokens generated for one suggestion.", least=1)
    candidates: int = _setting(3, "Suggestions to choose from when asked for explicitly (1 to 3).", least=1)
    deadline_ms: int = _setting(
        400,
        "Time for a suggestion while typing. Where the whole prompt would take longer, a shorter one is "
        "asked, and the whole one evaluated for the next time; 0 waits for the whole one.",
        least=0,
    )
    adapter: str = _setting(
        "",
        "Which of `engine.adapters` suggestions are made with. Empty: the one that `codeflow-lsp adapt` made "
        "for the folder and the model, if there is one; `none`: none at all.",
    )
    timeout_ms: int = _setting(10_000, "After this long, what is there is shown, or nothing.", least=50)
    menu: str = _setting(
        "auto",
        "Serve `textDocument/completion`: `auto` (where inline completion is lacking), `always`, `never`.",
        choices=("auto", "always", "never"),
    )
    in_comments: bool = _setting(True, "Whether anything is suggested inside comments; docstrings are none.")
    disabled_languages: tuple[str, ...] = _setting((), "Language identifiers in which nothing is suggested.")


@dataclass(frozen=True, slots=True)
class RefactorSettings:
    """Code actions: what is offered, how it is checked and shown."""

    enabled: bool = _setting(True, "Whether code actions are offered.")
    preview: str = _setting(
        "auto",
        "Which code actions are offered a second time, to be looked at before they are applied: `auto` (what "
        "the model writes), `always`, `never`.",
        choices=("auto", "always", "never"),
    )
    lint: bool = _setting(
        True,
        "Whether edits of Python files are also checked with ruff, where it is installed beside CodeFlow or "
        "on the PATH, by the project's own rules.",
    )
    test_command: str = _setting(
        "",
        "What runs the project's tests, such as `python3 -m pytest -q {tests}`, for `codeflow.testEdit`: the "
        "tests that mention what an edit changes, in a copy of the folder. Empty: none are run.",
        scope="machine-overridable",
    )
    trusted: bool = _setting(
        False,
        "Whether this folder's code may be run at all. An editor that knows whether a workspace is trusted "
        "sets this by itself; without it no test is run.",
        scope="editor",
    )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model is told."""

    budget_tokens: int = _setting(
        0,
        "Most prompt tokens of a completion; 0 takes what this machine evaluates in 6 s: 1024 to 4096, from "
        "1500 tokens a second on up to half of `engine.contextTokens` (there 32768 where that is 0).",
        least=0,
    )
    disabled_sources: tuple[str, ...] = _setting(
        (),
        "Sources left out of prompts, by the names that `codeflow-lsp context` shows; `all` for all of them.",
    )
    watch: bool = _setting(True, "Whether to watch the workspace for changes made outside the editor.")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    model: ModelSettings = field(default_factory=ModelSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    refactor: RefactorSettings = field(default_factory=RefactorSettings)
    keep_statistics: bool = _setting(
        True,
        "Whether what became of suggestions is counted from one session to the next, in a file on this "
        "machine: numbers, never text.",
    )
    log_level: str = _setting(
        "warning", "What goes to standard error.", choices=("debug", "info", "warning", "error")
    )


def parse_settings(raw: Any) -> tuple[Settings, list[str]]:
    """Settings from what an editor sent, and a sentence for each value that was not usable."""
    problems: list[str] = []
    if raw is None:
        return Settings(), problems
    if not isinstance(raw, Mapping):
        return Settings(), [
            f"the settings under codeflow should be an object, not {type(raw).__name__}; defaults used"
        ]
    return _parse(Settings, raw, "codeflow", problems), problems


def setting_names(cls: type = Settings, prefix: str = "codeflow") -> dict[str, Field[Any]]:
    """Every setting by its full name, as editors write it."""
    found: dict[str, Field[Any]] = {}
    for entry in fields(cls):
        name = f"{prefix}.{_camel(entry.name)}"
        if is_dataclass(entry.default_factory):
            found |= setting_names(entry.default_factory, name)
        else:
            found[name] = entry
    return found


def _parse(cls: Any, raw: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    hints, values = get_type_hints(cls), {}
    known = {_camel(entry.name): entry for entry in fields(cls)}
    for key, value in raw.items():
        name = f"{prefix}.{key}"
        entry = known.get(_camel(str(key)))
        if entry is None:
            problems.append(f"{name} is no setting of CodeFlow; see docs/settings.md")
        elif is_dataclass(entry.default_factory):
            if isinstance(value, Mapping):
                values[entry.name] = _parse(hints[entry.name], value, name, problems)
            elif value is not None:
                problems.append(f"{name} should be an object; its defaults are used")
        elif value is not None:
            problem, usable = _check(entry, hints[entry.name], value)
            if problem:
                default = entry.default if entry.default is not MISSING else None
                problems.append(f"{name} {problem}, not {value!r}; {default!r} is used")
            else:
                values[entry.name] = usable
    return cls(**values)


def _check(entry: Field[Any], kind: Any, value: Any) -> tuple[str, Any]:
    """What is wrong with a value ("" where nothing is), and the value in its own type."""
    if kind is bool:
        return ("" if isinstance(value, bool) else "should be true or false"), value
    if kind is int:
        least = entry.metadata["least"]
        if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
            return f"should be a whole number of at least {least}", value
        return "", value
    if kind is str:
        choices = entry.metadata["choices"]
        if not isinstance(value, str) or (choices and value not in choices):
            return (f"should be one of {', '.join(choices)}" if choices else "should be a text"), value
        return "", value
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return "should be a list of texts", value
    return "", tuple(value)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
