"""Text in pieces, and addresses: what is sent to a server, and to which."""

from __future__ import annotations

from pathlib import Path

import keyring
import keyring.backend
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RemoteError
from engine.fim import FAMILIES
from engine.llama.model import LlamaModel
from engine.remote.address import KEYRING_SERVICE, key_for, parse_address
from engine.remote.pieces import Pieces
from lsp_server.settings import setting_names

MARKERS = ("<|fim_prefix|>", "<|fim_suffix|>", "[SUFFIX]")
CODE = st.lists(st.sampled_from(["def ", "x_1", "    ", "\n\n", "λ", "😀", "\t", '"', "<|", "]", "return"]))


@given(CODE.map("".join) | st.text(st.characters(categories=None)))
def test_pieces_joined_are_the_text(text: str) -> None:
    """Whatever the text; half a surrogate pair, which no UTF-8 can say, becomes U+FFFD."""
    pieces = Pieces()
    plain = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert pieces.text(pieces.encode(text)) == plain


def test_equal_text_gives_equal_numbers() -> None:
    pieces = Pieces()
    assert pieces.encode("def f():\n") == pieces.encode("def f():\n")
    assert pieces.encode("a b")[:1] == pieces.encode("a c")[:1]


@pytest.mark.parametrize(
    ("text", "tail", "sent"),
    [
        ("a <|fim_prefix|> b", "", "a < |fim_prefix|> b"),
        ("a <|fim_pre", "fix|>", "a < |fim_prefix|>"),  # cut where the cursor stands
        ("<|endoftext|>", "", "< |endoftext|>"),  # no marker of ours, but like one
        ("<｜fim▁begin｜>", "", "< ｜fim▁begin｜>"),
        ("x[SUFFIX]", "", "x[ SUFFIX]"),
        ("a <| b |> c", "", "a <| b |> c"),  # an operator
    ],
)
def test_text_that_looks_like_a_marker_is_none(text: str, tail: str, sent: str) -> None:
    """A file cannot end its own part of a prompt."""
    pieces = Pieces(MARKERS)
    assert pieces.text(pieces.encode(text), tail) == sent
    (marker,) = pieces.encode("<|fim_prefix|>", special=True)
    assert pieces.text((marker, *pieces.encode(text)), tail) == "<|fim_prefix|>" + sent


@pytest.mark.model
def test_there_are_about_as_many_pieces_as_tokens(small_model: Path) -> None:
    """Within a fifth, in prose and code: the budget is one of tokens, and the server's count corrects it."""
    tokenizer, pieces = LlamaModel(small_model, vocabulary_only=True), Pieces()
    root = Path(__file__).resolve().parents[2]
    for name in ("engine/engine.py", "docs/settings.md", "pyproject.toml", "editors/emacs/codeflow.el"):
        text = (root / name).read_text("utf-8")
        assert 0.8 < len(tokenizer.encode(text)) / len(pieces.encode(text)) < 1.2, name
    tokenizer.close()


@pytest.mark.parametrize(
    ("url", "origin", "path", "is_local"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "/v1", True),
        ("http://localhost:8000/v1/", "http://localhost:8000", "/v1", True),
        ("http://[::1]:80/v1", "http://[::1]:80", "/v1", True),
        ("https://Models.Example.org/team/v1", "https://models.example.org", "/team/v1", False),
        ("https://127.0.0.1.example.org", "https://127.0.0.1.example.org", "/v1", False),
        ("http://localhost.example.org", "http://localhost.example.org", "/v1", False),
    ],
)
def test_addresses(url: str, origin: str, path: str, is_local: bool) -> None:
    address = parse_address(url)
    assert (address.base, address.origin, address.is_local) == (origin + path, origin, is_local)


@pytest.mark.parametrize(
    "url",
    ["example.org", "file:///etc/passwd", "ftp://example.org", "https://", "https://me:secret@example.org",
     "https://example.org:port", "https://example.org/v1?key=secret", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(RemoteError, match=r"remote\.url") as caught:
        parse_address(url)
    assert "secret" not in str(caught.value)


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return {(KEYRING_SERVICE, "https://one.example"): "kept"}.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


def test_the_key_comes_from_the_environment_or_is_kept_for_one_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        monkeypatch.delenv("CODEFLOW_REMOTE_KEY", raising=False)
        assert key_for(parse_address("https://one.example/v1")) == "kept"
        assert key_for(parse_address("https://two.example/v1")) == ""
        monkeypatch.setenv("CODEFLOW_REMOTE_KEY", "given\n")
        assert key_for(parse_address("https://one.example/v1")) == "given"
        monkeypatch.setenv("CODEFLOW_REMOTE_KEY", "gi\nven")
        with pytest.raises(RemoteError) as caught:
            key_for(parse_address("https://one.example/v1"))
        assert "ven" not in str(caught.value)
    finally:
        keyring.set_keyring(before)


def test_the_setting_names_every_family() -> None:
    choices = setting_names()["codeflow.remote.markers"].metadata["choices"]
    assert choices == ("auto", "none", *FAMILIES)
