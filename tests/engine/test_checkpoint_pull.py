"""Checkpoints from Hugging Face, by the real huggingface_hub from a hub on this machine."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.catalog import checkpoint, models_dir, resolve
from engine.catalog.checkpoint import NOTE, pull_checkpoint
from engine.catalog.partial import Progress, PullCancelled
from engine.errors import ModelCorrupt, ModelUnavailable, UnknownModel
from tests.engine.test_catalog import use_endpoint

NAME = "hf:someone/tiny"
WEIGHTS = bytes(range(256)) * 400
FILES = {
    "config.json": b'{"model_type": "iquestloopcoder"}',
    "model.safetensors": WEIGHTS,
    "tokenizer.model": b"pieces" * 9,
    "tokenizer_config.json": b"{}",
    "pytorch_model.bin": b"a pickle",
    "modeling_iquestloopcoder.py": b"print('never')",
    "README.md": b"# Tiny",
}
TAKEN = {"config.json", "model.safetensors", "tokenizer.model", "tokenizer_config.json"}


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as serves a repository."""

    asked: list[str]
    files: dict[str, bytes]
    published: dict[str, str]

    def do_HEAD(self) -> None:
        self._answer(self._content())

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/someone/tiny"):
            siblings = [
                {"rfilename": name, "size": len(FILES[name]), "blobId": "0" * 40}
                | (
                    {"lfs": {"sha256": self.published[name], "size": len(FILES[name]), "pointerSize": 9}}
                    if name in self.published
                    else {}
                )
                for name in FILES
            ]
            answer = {"id": "someone/tiny", "sha": "1" * 40, "siblings": siblings}
            self._answer(json.dumps(answer).encode(), send=True)
            return
        wanted = self.headers["Range"]
        self.asked.append(self.path.rpartition("/")[2] + (f" {wanted}" if wanted else ""))
        begin = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self._answer(self._content()[begin:], status=206 if wanted else 200, send=True)

    def _content(self) -> bytes:
        return self.files[self.path.rpartition("/")[2]]

    def _answer(self, body: bytes, *, status: int = 200, send: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if send:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    published = {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    handler = type("CountingHub", (Hub,), {"asked": [], "files": dict(FILES), "published": published})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        use_endpoint(monkeypatch, server.server_port)
        yield handler
        server.shutdown()
        thread.join()


def quiet(progress: Progress) -> None:
    del progress


def test_it_brings_weights_and_tokenizer_and_neither_pickles_nor_code(hub: type[Hub]) -> None:
    told: list[Progress] = []
    found = resolve(NAME, report=told.append)
    assert found.engine == "loop" and found.path == models_dir() / "someone--tiny"
    there = {
        file.name: file.read_bytes() for file in found.path.iterdir() if not file.name.endswith("verified")
    }
    assert set(there) == {*TAKEN, NOTE}
    assert all(there[name] == FILES[name] for name in TAKEN)
    assert told[-1].done_bytes == told[-1].total_bytes == sum(len(FILES[name]) for name in TAKEN)
    asked = len(hub.asked)
    assert resolve(NAME, allow_pull=False).path == found.path
    assert len(hub.asked) == asked


def test_it_goes_on_where_it_stopped(hub: type[Hub]) -> None:
    stop = threading.Event()

    def cancel(progress: Progress) -> None:
        if progress.what == "tokenizer.model":
            stop.set()

    with pytest.raises(PullCancelled):
        pull_checkpoint(NAME, report=cancel, cancelled=stop)
    with pytest.raises(ModelUnavailable, match="models pull hf:someone/tiny"):
        resolve(NAME, allow_pull=False)
    folder = models_dir() / "someone--tiny"
    for name in ("model.safetensors", "model.safetensors.verified"):
        (folder / name).unlink()
    (folder / "model.safetensors.partial").write_bytes(WEIGHTS[:40_000])
    hub.asked.clear()
    assert pull_checkpoint(NAME, report=quiet) == folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert "model.safetensors bytes=40000-" in hub.asked
    assert not any(one.startswith("config.json") for one in hub.asked)


def test_another_content_than_the_published_is_refused(hub: type[Hub]) -> None:
    hub.files["model.safetensors"] = WEIGHTS[::-1]
    with pytest.raises(ModelCorrupt, match=r"model.safetensors of someone/tiny was not downloaded right"):
        pull_checkpoint(NAME, report=quiet)
    left = {file.name for file in (models_dir() / "someone--tiny").iterdir()}
    assert not left & {"model.safetensors", "model.safetensors.partial", NOTE}


def test_a_repository_without_safetensors_is_refused(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FILES, "model.safetensors")
    with pytest.raises(ModelUnavailable, match="no safetensors in someone/tiny"):
        pull_checkpoint(NAME, report=quiet)


def test_no_hub_is_a_sentence(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    use_endpoint_of_nobody(monkeypatch)
    with pytest.raises(ModelUnavailable, match=r"could not be downloaded from Hugging Face: .*your own"):
        pull_checkpoint(NAME, report=quiet)


def use_endpoint_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["hf:tiny", "hf:a/b/c", "hf:../..", "hf:", "hf:a/.."])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnknownModel, match="owner/name"):
        checkpoint.checkpoint_folder(name)
