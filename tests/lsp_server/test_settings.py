"""Settings as editors send them: what is usable is used, anything else is named and its default taken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.settings import CompletionSettings, ModelSettings, Settings, parse_settings, setting_names

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("raw", [None, {}, {"completion": {}}, {"completion": None, "logLevel": None}])
def test_nothing_set_means_the_defaults(raw: Any) -> None:
    assert parse_settings(raw) == (Settings(), [])


def test_names_are_camel_case_and_snake_case_is_understood() -> None:
    raw = {
        "completion": {"maxTokens": 8, "timeout_ms": 100, "disabledLanguages": ["sql"]},
        "logLevel": "info",
    }
    completion = CompletionSettings(max_tokens=8, timeout_ms=100, disabled_languages=("sql",))
    assert parse_settings(raw) == (Settings(completion=completion, log_level="info"), [])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"completion": {"maxTokens": 0}}, "codeflow.completion.maxTokens should be a whole number"),
        ({"completion": {"maxTokens": "8"}}, "codeflow.completion.maxTokens should be a whole number"),
        ({"completion": {"maxTokens": True}}, "codeflow.completion.maxTokens should be a whole number"),
        ({"completion": {"enabled": 1}}, "codeflow.completion.enabled should be true or false"),
        ({"completion": {"menu": "some"}}, "codeflow.completion.menu should be one of auto, always, never"),
        ({"completion": {"disabledLanguages": "c"}}, "disabledLanguages should be a list of texts"),
        ({"completion": {"disabledLanguages": [1]}}, "disabledLanguages should be a list of texts"),
        ({"completion": 3}, "codeflow.completion should be an object"),
        ({"model": {"name": 7}}, "codeflow.model.name should be a text"),
        ({"compleetion": {}}, "codeflow.compleetion is no setting of CodeFlow"),
        ("fast", "the settings under codeflow should be an object, not str"),
        ([], "the settings under codeflow should be an object, not list"),
    ],
)
def test_a_bad_value_is_named_and_its_default_is_used(raw: Any, said: str) -> None:
    settings, problems = parse_settings(raw)
    assert settings == Settings()
    assert len(problems) == 1
    assert said in problems[0]


def test_one_bad_value_spoils_no_other() -> None:
    settings, problems = parse_settings({"model": {"name": "a", "download": "no"}, "logLevel": "loud"})
    assert settings == Settings(model=ModelSettings(name="a"))
    assert len(problems) == 2


@given(json | st.fixed_dictionaries({}, optional={"completion": json, "engine": json, "logLevel": json}))
def test_no_json_stops_the_server(raw: Any) -> None:
    settings, problems = parse_settings(raw)
    assert isinstance(settings, Settings)
    assert all(isinstance(problem, str) for problem in problems)


def test_every_setting_has_a_default_that_is_usable_and_a_sentence_about_it() -> None:
    names = setting_names()
    assert len(names) == len(set(names)) > 5
    for name, entry in names.items():
        assert entry.metadata["doc"].endswith((".", "`.")), name
        raw: Any = list(entry.default) if isinstance(entry.default, tuple) else entry.default
        for part in reversed(name.split(".")[1:]):
            raw = {part: raw}
        assert parse_settings(raw) == (Settings(), []), name
