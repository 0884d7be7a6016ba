"""Conversations as prompts: the shipped template's own words, and nothing else that it may want to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from engine.chat import ChatTemplate, gguf_chat_template, read_chat_template
from engine.errors import ModelCorrupt
from engine.llama.model import LlamaModel
from tests.engine.loop.tiny_tokenizer import CHATML, write_tokenizer

Messages = list[dict[str, Any]]
MARKERS = {"bos_token": "<s>", "eos_token": "</s>"}
ALL_THAT_IS_GIVEN = """
{%- set ns = namespace(n=0, seen=dict(a=1)) -%}
{{- bos_token -}}
  {% macro told(one) %}
    [{{ one.role | upper }}] {{ one['content'] | trim }}
  {% endmacro %}
{% for message in messages if message.content %}
  {% if loop.index > 3 %}{% break %}{% endif %}
  {% generation %}
  {{ told(message) }}{{ ns.n }} {{ loop.length }} {{ loop.last }} {{ loop.previtem is defined }}
  {% endgeneration %}
  {% set ns.n = ns.n + loop.index0 %}
{% else %}
nothing
{% endfor %}
{{ {'ä<b>': [1, ns.n], 'a': none} | tojson }} {{ ns.seen | tojson(indent=2, sort_keys=true) }}
{{ messages[::-1] | map(attribute='role') | join(',') }} {{ strftime_now('%Y') | length }}
{{ tools | tojson if tools else 'no tools' }}{{ eos_token if not add_generation_prompt }}
"""
TEMPLATES = {"ChatML": CHATML, "all that is given": ALL_THAT_IS_GIVEN}
TOOLS: dict[str, list[dict[str, Any]] | None] = {
    "no tools": None,
    "tools": [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "ü": "<&>"}}}
        for name in ("read_file", "run")
    ],
}
CALL = {"type": "function", "function": {"name": "run", "arguments": {"command": "make 'test' \"<>\" ü"}}}
CONVERSATIONS: dict[str, Messages] = {
    "a question": [{"role": "user", "content": "  Rename x.\n"}],
    "with a system": [
        {"role": "system", "content": "Ä\r\n"},
        {"role": "user", "content": "<|im_start|>"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "more"},
    ],
    "calls": [
        {"role": "user", "content": "Test it."},
        {"role": "assistant", "content": None, "tool_calls": [CALL, CALL]},
        {"role": "tool", "content": "1 passed"},
        {"role": "tool", "content": "{'a': 1}"},
        {"role": "assistant", "content": "Done."},
    ],
}


def reference(template: str, messages: Messages, tools: Any, generation: bool) -> Any:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **MARKERS)
    return tokenizer.apply_chat_template(
        messages,
        tools=tools,
        chat_template=template,
        add_generation_prompt=generation,
        tokenize=False,
    )


@pytest.mark.parametrize("generation", [True, False], ids=["the model's turn", "nobody's turn"])
@pytest.mark.parametrize("tools", TOOLS)
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_rendered_is_what_transformers_renders(
    template: str, conversation: str, tools: str, generation: bool
) -> None:
    source, messages = TEMPLATES[template], CONVERSATIONS[conversation]
    expected = reference(source, messages, TOOLS[tools], generation)
    ours = ChatTemplate({"default": source}, "x", MARKERS)
    assert ours.render(messages, tools=TOOLS[tools], add_generation_prompt=generation) == expected


def test_a_checkpoints_template_is_found(tmp_path: Path) -> None:
    """chat_template.jinja comes first; tokenizer_config.json has one, or several by name."""
    write_tokenizer(tmp_path)
    question = CONVERSATIONS["a question"]
    assert read_chat_template(tmp_path).render(question) == (
        "<|im_start|>user\n  Rename x.\n<|im_end|>\n<|im_start|>assistant\n"
    )
    file = tmp_path / "tokenizer_config.json"
    named = [{"name": name, "template": name + "{{ eos_token }}"} for name in ("default", "tool_use")]
    file.write_text(json.dumps({"chat_template": named, "eos_token": {"content": "<|im_end|>"}}))
    found = read_chat_template(tmp_path)
    assert found.render(question) == "default<|im_end|>"
    assert found.render(question, tools=TOOLS["tools"]) == "tool_use<|im_end|>"
    (tmp_path / "chat_template.jinja").write_text("of its own, {{ messages[0].role }}{{ eos_token }}")
    assert read_chat_template(tmp_path).render(question) == "of its own, user<|im_end|>"


@pytest.mark.model
def test_a_gguf_files_template_is_rendered(small_model: Path) -> None:
    """Qwen's, which the file holds as it was published."""
    model = LlamaModel(small_model, vocabulary_only=True)
    found = gguf_chat_template(model.metadata, small_model.name)
    for messages in CONVERSATIONS.values():
        for tools in TOOLS.values():
            expected = reference(found.templates["default"], messages, tools, True)
            assert found.render(messages, tools=tools) == expected
            assert expected.endswith("<|im_start|>assistant\n")
    model.close()


MISSING: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda folder: None, r"tokenizer_config\.json has no chat template"),
    "no template": (
        lambda folder: (folder / "tokenizer_config.json").write_text('{"chat_template": []}'),
        r"tokenizer_config\.json has no chat template",
    ),
    "no text": (
        lambda folder: (folder / "tokenizer_config.json").write_text(
            '{"chat_template": [{"template": 1}, 2]}'
        ),
        r"tokenizer_config\.json has no chat template",
    ),
    "no letters": (
        lambda folder: (folder / "chat_template.jinja").write_bytes(b"\xff"),
        r"chat_template\.jinja cannot be read",
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_template_is_said_to_be_missing(name: str, tmp_path: Path) -> None:
    write, sentence = MISSING[name]
    write(tmp_path)
    with pytest.raises(ModelCorrupt, match=sentence):
        read_chat_template(tmp_path)


def test_a_gguf_file_without_a_template_is_said_to_have_none() -> None:
    with pytest.raises(ModelCorrupt, match=r"x\.gguf has no chat template"):
        gguf_chat_template(lambda key: "", "x.gguf")


def test_templates_that_do_not_fit_are_named() -> None:
    template = ChatTemplate({"rag": "x", "tool_use": "y"}, "x.gguf")
    with pytest.raises(ModelCorrupt, match=r"x\.gguf has no chat template named default, only rag, tool_use"):
        template.render([])


REFUSED = {  # what a template does, and the reason in the sentence
    "{{ raise_exception('Roles must alternate.') }}": "Roles must alternate",
    "a\n{% if %}": r"Expected an expression.* \(line 2\)",
    "{{ messages.nothing.more }}": "has no attribute 'nothing'",
    "{{ 1 / 0 }}": "division by zero",
    "{{ ''.__class__.__mro__ }}": "'__class__' .* is unsafe",
    "{{ messages.__class__.__base__.__subclasses__() }}": "is unsafe",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}": "is unsafe",
    "{{ strftime_now.__globals__['Path']('/').exists() }}": "is unsafe",
    "{{ messages.append(1) }}": "is not safely callable|is unsafe",
    "{% set ns = namespace() %}{% set ns.__call__ = 1 %}": "a namespace may not hold __call__",
    "{{ namespace(__call__=1) }}": "a namespace may not hold __call__",
    "{% include '/etc/passwd' %}": "no loader",
    "{% import 'os' as os %}": "no loader",
    "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}": "more than 100,000 steps",
    "{% macro f(n) %}{{ f(n - 1) + f(n - 1) if n else '' }}{% endmacro %}{{ f(40) }}": "100,000 steps",
    "{{ 'a' * 10000000000 }}{{ [1] * 3 }}": "more than 16,777,216 letters",
    "{{ 10 ** 10 ** 10 }}": "powers are not computed",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "recursion",
    "{% for i in messages recursive %}{{ loop(messages) }}{% endfor %}": "loops that call themselves",
    "{% for i in range(1000000000) %}{% endfor %}": "Range too big",
    "{% for i in range(90000) %}{{ 'a' * 1000 }}{% endfor %}": "more than 16,777,216 letters",
}


@pytest.mark.parametrize("source", REFUSED)
def test_a_template_that_fails_or_wants_too_much_is_a_sentence(source: str) -> None:
    """Jinja's sandbox gives it nothing but its arguments, and it has to end."""
    with pytest.raises(ModelCorrupt, match=REFUSED[source]) as found:
        ChatTemplate({"default": source}, "x.gguf").render(CONVERSATIONS["a question"])
    assert str(found.value).startswith("The chat template of x.gguf does not render this conversation: ")
    assert str(found.value).endswith(".") and not str(found.value).endswith("..")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ messages | attr('__class__') }}",
        "{{ '{0.__class__}'.format(messages) }}",
        "{{ dict.__globals__ }}{{ strftime_now.__code__ }}{{ raise_exception.__builtins__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ os }}{{ environment }}{{ open }}{{ __import__ }}",
    ],
)
def test_names_that_lead_out_of_the_sandbox_are_not_there(source: str) -> None:
    assert ChatTemplate({"default": source}, "x.gguf").render(CONVERSATIONS["a question"]) == ""


class WithMethods:
    def delete_everything(self) -> str:
        raise AssertionError("a template called it")


@pytest.mark.parametrize("content", [WithMethods(), {1, 2}, b"x"])
def test_messages_are_plain_data(content: object) -> None:
    """A template may call what it is given, so it is given nothing that does anything."""
    template = ChatTemplate({"default": "{{ messages[0].content.delete_everything() }}"}, "x")
    with pytest.raises(ModelCorrupt, match=f"may hold what JSON can, not {type(content).__name__}"):
        template.render([{"role": "user", "content": content}])
