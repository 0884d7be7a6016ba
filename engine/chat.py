"""A conversation as a prompt: a model's own chat template, rendered as transformers renders it.

From messages to text with markers; ``Tokenizer.encode(..., special=True)`` makes tokens of it. A template
is a program that comes with a model, so it runs in Jinja's sandbox: it sees its arguments, and its steps are
counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from engine.errors import ModelCorrupt
from engine.loop.config import read_object
from engine.loop.tokenizer import token_name

Message = Mapping[str, Any]
_DEFAULT, _FOR_TOOLS = "default", "tool_use"
_TOKEN_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_MOST_STEPS = 100_000  # passes through loops and calls: a thousand times what a long conversation takes
_MOST_LETTERS = 1 << 24  # more than any context holds


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """Templates by name ("default", "tool_use"), and the marker texts that they may ask for.

    ``where`` is the file they come from, for errors.
    """

    templates: Mapping[str, str]
    where: str
    marker_texts: Mapping[str, str] = field(default_factory=dict)

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> str:
        """The conversation as the model was trained to see it.

        ``messages`` have "role", "content" and what the template knows besides; ``tools`` are JSON schemas.
        ``add_generation_prompt``: it is the model's turn. Raises ModelCorrupt where the template fails, or
        refuses the conversation.
        """
        name = _FOR_TOOLS if tools is not None and _FOR_TOOLS in self.templates else _DEFAULT
        if name not in self.templates:
            known = ", ".join(self.templates)
            raise ModelCorrupt(f"{self.where} has no chat template named {name}, only {known}.")
        try:
            # through JSON, so that a template meets nothing with methods of its own; many cannot take null
            plain = json.loads(json.dumps([messages, tools], default=_plain))
            told = [
                {key: value for key, value in message.items() if value is not None} for message in plain[0]
            ]
            given = {"messages": told, "tools": plain[1], "add_generation_prompt": add_generation_prompt}
            return _render(self.templates[name], {**self.marker_texts, **given})
        except Exception as error:  # whatever a template can make Python raise
            raise ModelCorrupt(
                f"The chat template of {self.where} does not render this conversation: {_why(error)}."
            ) from None


def read_chat_template(folder: Path) -> ChatTemplate:
    """The template of the checkpoint in ``folder``. Raises ModelCorrupt where there is none."""
    config_file, file = folder / "tokenizer_config.json", folder / "chat_template.jinja"
    config = read_object(config_file) if config_file.is_file() else {}
    texts = {name: text for name in _TOKEN_NAMES if (text := token_name(config.get(name)))}
    if file.is_file():
        try:
            return ChatTemplate({_DEFAULT: file.read_text(encoding="utf-8")}, str(file), texts)
        except (OSError, ValueError) as error:
            raise ModelCorrupt(f"{file} cannot be read: {error}.") from None
    found = config.get("chat_template")
    if isinstance(found, list):
        named = [one for one in found if isinstance(one, dict)]
        templates = {one.get("name", ""): one.get("template") for one in named}
    else:
        templates = {_DEFAULT: found}
    return _checked(templates, str(config_file), texts)


def gguf_chat_template(
    metadata: Callable[[str], str], where: str, marker_texts: Mapping[str, str] | None = None
) -> ChatTemplate:
    """The template in a GGUF file's own ``metadata`` (``LlamaModel.metadata``). Raises ModelCorrupt."""
    key = "tokenizer.chat_template"
    templates = {_DEFAULT: metadata(key), _FOR_TOOLS: metadata(f"{key}.{_FOR_TOOLS}")}
    return _checked(templates, where, marker_texts or {})


def _checked(templates: Mapping[str, Any], where: str, texts: Mapping[str, str]) -> ChatTemplate:
    kept = {name: text for name, text in templates.items() if text and isinstance(text, str)}
    if not kept:
        raise ModelCorrupt(
            f"{where} has no chat template: the model answers no messages, only completes text."
        )
    return ChatTemplate(kept, where, texts)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a message may hold what JSON can, not {type(value).__name__}")


def _why(error: Exception) -> str:
    said = str(error).strip().rstrip(".") or type(error).__name__
    line = getattr(error, "lineno", None)
    return f"{said} (line {line})" if line else said


def _render(source: str, given: Mapping[str, Any]) -> str:
    sandbox = _Sandbox()
    parts, letters = [], 0
    for part in sandbox.from_string(_counted(sandbox.parse(source))).generate(given):
        parts.append(part)
        letters += len(part)
        _allowed_length(letters)
    return "".join(parts)


def _counted(tree: nodes.Template) -> nodes.Template:
    """The same template with every pass through its loops counted."""
    for loop in tree.find_all(nodes.For):
        if loop.recursive:  # goes round without passing here
            raise TemplateError("loops that call themselves are not run")
        loop.iter = nodes.Filter(loop.iter, _PASSES, [], [], None, None, lineno=loop.lineno)
    return tree


_PASSES = "each_pass_counted"


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as transformers sets it up, for one rendering, with a limit to what is done in it."""

    intercepted_binops = frozenset(("*", "**"))  # one of them can take hours, or all memory

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
        self._steps = 0
        self.filters |= {"tojson": _tojson, _PASSES: _each_pass_counted}
        self.globals |= {
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_now,
            "dict": _dict,
            "namespace": _Namespace,
        }

    def step(self) -> None:
        """Count one pass through a loop, or one call. Raises TemplateError beyond the limit."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TemplateError(f"it takes more than {_MOST_STEPS:,} steps")

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """See ``SandboxedEnvironment.call``."""
        self.step()
        return super().call(context, called, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """See ``SandboxedEnvironment.call_binop``."""
        if operator == "**":
            raise TemplateError("powers are not computed")
        times, repeated = (left, right) if isinstance(left, int) else (right, left)
        if isinstance(times, int) and isinstance(repeated, str | list | tuple):
            _allowed_length(times * len(repeated))
        return super().call_binop(context, operator, left, right)


class _Generation(Extension):
    """``{% generation %}`` marks the model's own words for training; here it only has a scope."""

    tags = {"generation"}  # noqa: RUF012  (as Jinja declares it)

    def parse(self, parser: Parser) -> nodes.Node:
        """See ``Extension.parse``."""
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class _Namespace(Namespace):
    """Jinja's, which would take names that lead out of the sandbox."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        attributes = dict(*args, **kwargs)
        for name in attributes:
            _allowed(name)
        super().__init__(attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _allowed(name)
        super().__setitem__(name, value)


def _allowed_length(letters: int) -> None:
    if letters > _MOST_LETTERS:
        raise TemplateError(f"it writes more than {_MOST_LETTERS:,} letters")


def _allowed(name: object) -> None:
    if str(name).startswith("_"):
        raise SecurityError(f"a namespace may not hold {name}")


@pass_context
def _each_pass_counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    sandbox = context.environment
    assert isinstance(sandbox, _Sandbox)  # noqa: S101  (no other environment has this filter)
    for value in values:
        sandbox.step()
        yield value


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own escapes HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def _dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """``dict`` without its attributes."""
    return dict(*args, **kwargs)
