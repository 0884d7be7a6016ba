"""Set-up, as far as nothing needs setting up for it: what it shows, what it remembers, what it says."""

import ast
import io
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

from lsp_server import bootstrap, bootstrap_compiler, bootstrap_environment, bootstrap_progress

ROOT = Path(__file__).parents[1]
NEEDS = "Requires-Dist: numpy>=1.26\nRequires-Dist: llama-cpp-python>=0.3.36\n"
CLONE = bootstrap.Source("pyproject", b"[project]", "llama-cpp-python", ())
posix_only = pytest.mark.skipif(os.name == "nt", reason="scripts, locks and signals as POSIX has them")


@pytest.fixture
def our_wheel(tmp_path: Path) -> Path:
    """The modules of set-up as the wheel has them."""
    path = tmp_path / "codeflow_lsp-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (ROOT / "lsp_server").glob("*.py"):
            archive.write(file, f"lsp_server/{file.name}")
        archive.writestr(
            "codeflow_lsp-0.1.0.dist-info/METADATA", f"Name: codeflow-lsp\nVersion: 0.1.0\n{NEEDS}"
        )
    return path


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[12/345] Building CXX object ggml.cpp.o", (12, 345)),
        ("  [2/140] /usr/bin/g++ -O3 -c ggml.cpp", (2, 140)),  # pip -v indents what a build says
        ("[ 12%] Building C object ggml.c.o", (12, 100)),
        ("[100%] Linking CXX shared library", (100, 100)),
        ("Collecting numpy>=1.26", None),
        ("  see note [12/345] in the manual", None),
        ("[notice] A new release of pip is available", None),
        ("", None),
    ],
)
def test_finds_the_progress_in_what_ninja_and_make_print(line: str, expected: tuple[int, int] | None) -> None:
    assert bootstrap_progress.parse_progress(line) == expected


def test_says_times_as_people_do() -> None:
    assert [bootstrap_progress.duration(seconds) for seconds in (0.2, 59.4, 59.6, 80)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "1 min 20 s",
    ]


@pytest.mark.parametrize(
    ("done", "total", "elapsed_s", "expected"),
    [
        (6, 140, 60.0, ""),  # under a twentieth: no guess
        (70, 140, 5.0, ""),  # too soon
        (112, 345, 80.0, ", about 3 min to go"),
        (70, 140, 42.0, ", about 40 s to go"),
        (139, 140, 200.0, ", a few seconds to go"),
        (140, 140, 200.0, ", a few seconds to go"),
    ],
)
def test_guesses_the_time_left_no_finer_than_a_guess(
    done: int, total: int, elapsed_s: float, expected: str
) -> None:
    assert bootstrap_progress.to_go(done, total, elapsed_s) == expected


def test_piped_output_has_a_line_for_each_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 2))
    monkeypatch.setattr(bootstrap_progress.time, "monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    progress = bootstrap_progress.Progress("Building llama.cpp", out)
    progress.take("Collecting llama-cpp-python>=0.3.36\n")
    for done in range(1, 41):
        progress.take(f"  [{done}/40] c++ -c {done}.cpp\n")
        progress.take("  warning: unused variable\n")
    progress.finish("done")
    lines = out.getvalue().splitlines()
    assert lines[0] == "Building llama.cpp ..."
    assert lines[5] == "  50%  Building llama.cpp 20/40 (1 min 20 s so far, about 1 min 20 s to go)"
    assert len(lines) == 12
    assert lines[-1].startswith("Building llama.cpp: done (")


def test_terminal_output_is_one_line_that_rewrites_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    out = Screen()
    progress = bootstrap_progress.Progress("Building llama.cpp", out)
    progress.take("  Preparing metadata (pyproject.toml): started\n")
    progress.take("  [3/40] c++ -c 3.cpp\n")
    progress.take("  [1/2] a smaller build inside the build\n")
    progress.finish("done")
    drawn = out.getvalue().split("\r")[1:]
    assert all(len(line.rstrip("\n")) == 59 for line in drawn)
    assert [line.rstrip() for line in drawn] == [
        "Building llama.cpp (0 s so far) Preparing metadata",
        "Building llama.cpp 3/40 (0 s so far)",
        "Building llama.cpp 3/40 (0 s so far)",
        "Building llama.cpp: done (0 s)",
    ]
    assert out.getvalue().count("\n") == 1


def test_a_silent_build_still_moves_the_clock() -> None:
    """One file can compile for half a minute, and a line that stands still looks like a hang."""

    def slowly():
        yield "first\n"
        time.sleep(1.3)
        yield "second\n"

    assert list(bootstrap_progress.lines_of(slowly())) == ["", "first\n", "", "second\n"]


@pytest.mark.parametrize(
    ("log", "quoted", "advised"),
    [
        (
            "Collecting x\n  [1/3] cc -c a.c\nCMake Error: CMAKE_CXX_COMPILER not set\nsetting up\n",
            "CMake Error: CMAKE_CXX_COMPILER not set",
            "gcc g++ cmake make python3-venv",
        ),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for x\n",
            "ERROR: No matching distribution found for x",
            "No package index",
        ),
        ("OSError: [Errno 28] No space left on device\n", "No space left", "The disk is full"),
        (
            "c++: fatal error: Killed signal terminated program cc1plus\n",
            "Killed signal",
            "CMAKE_BUILD_PARALLEL_LEVEL=1",
        ),
        ("SSL: CERTIFICATE_VERIFY_FAILED\nRetrying\n", "CERTIFICATE", "global.cert"),
        ("something\nwent\nwrong\n", "wrong", "report them"),
    ],
)
def test_a_failure_is_quoted_and_answered_with_what_to_do(log: str, quoted: str, advised: str) -> None:
    lines, advice = bootstrap_environment.explain(log)
    assert quoted in lines
    assert advised in advice
    assert "cc -c a.c" not in lines


def test_quotes_only_the_last_and_telling_lines() -> None:
    log = "".join(f"error {number}\nnoise {number}\n" for number in range(30)) + "error 29\n"
    assert bootstrap_environment.explain(log)[0].splitlines() == [
        f"    error {number}" for number in range(22, 30)
    ]


def test_a_python_too_old_reads_which_is_needed_and_which_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name if name == "python3.12" else None)
    assert bootstrap.python_too_old((3, 11, 0)) == ""
    assert bootstrap.python_too_old((4, 0, 0)) == ""
    assert bootstrap.python_too_old((3, 9, 18)) == (
        "CodeFlow needs Python 3.11 or newer, and this is Python 3.9.18. Run: make setup PYTHON=python3.12"
    )
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert bootstrap.python_too_old((3, 9, 18)).endswith("Install a newer one and run this again.")


def test_a_python_too_old_can_read_the_file_that_says_so() -> None:
    for module in (bootstrap, bootstrap_compiler, bootstrap_environment, bootstrap_progress):
        ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_needs_the_python_that_pyproject_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=" + ".".join(map(str, bootstrap.PYTHON_NEEDED))


def test_finds_llama_cpp_python_in_pyproject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert bootstrap.checkout(dev=False).llama.startswith("llama-cpp-python>=")


def test_a_wheel_says_what_it_needs(our_wheel: Path, tmp_path: Path) -> None:
    source = bootstrap.wheel(our_wheel)
    assert (source.llama, source.arguments) == ("llama-cpp-python>=0.3.36", (str(our_wheel),))
    other = tmp_path / "other-1.0-py3-none-any.whl"
    for content in (b"", b"PK\5\6" + bytes(18)):
        other.write_bytes(content)
        with pytest.raises(bootstrap_environment.SetupError, match="is no wheel of CodeFlow"):
            bootstrap.wheel(other)


@posix_only
def test_a_missing_compiler_is_named_with_the_packages_that_bring_it(tmp_path: Path) -> None:
    def compiler(name: str) -> None:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)

    env = {"PATH": str(tmp_path)}
    assert "needs a C compiler: found no cc, gcc, clang." in bootstrap_compiler.compiler_missing(env)
    compiler("gcc")
    assert "needs a C++ compiler: found no c++, g++, clang++." in bootstrap_compiler.compiler_missing(env)
    assert "apt-get install gcc g++ cmake make python3-venv" in bootstrap_compiler.compiler_missing(env)
    compiler("g++")
    assert bootstrap_compiler.compiler_missing(env) == ""
    assert "found no icc." in bootstrap_compiler.compiler_missing({**env, "CC": "icc -O2"})


def test_our_build_flags_come_first_so_that_the_users_win() -> None:
    env = bootstrap_compiler.build_environment(
        {"CMAKE_ARGS": "-DGGML_CUDA=on", "HOME": "/home/ada", "PYTHONPATH": "a.whl"}
    )
    assert env["CMAKE_ARGS"].startswith("-DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF ")
    assert env["CMAKE_ARGS"].endswith("-DLLAMA_CURL=OFF -DGGML_CUDA=on")
    assert env["HOME"] == "/home/ada" and "PYTHONPATH" not in env
    assert bootstrap_compiler.build_environment({})["CMAKE_ARGS"].endswith("-DLLAMA_CURL=OFF")


def test_cmake_is_told_by_a_file_except_where_its_path_has_a_blank(tmp_path: Path) -> None:
    args = bootstrap_compiler.build_environment({}, tmp_path)["CMAKE_ARGS"]
    told = Path(args.rpartition("-DCMAKE_PROJECT_llama.cpp_INCLUDE=")[2])
    assert told.read_text(encoding="utf-8") == "set(LLAMA_BUILD_COMMON OFF)\n"
    blank = tmp_path / "a folder"
    blank.mkdir()
    args = bootstrap_compiler.build_environment({}, blank)["CMAKE_ARGS"]
    assert args == bootstrap_compiler.build_environment({})["CMAKE_ARGS"]


def test_the_stamp_fits_while_nothing_changed(tmp_path: Path) -> None:
    wanted = bootstrap.fingerprint(CLONE, (3, 11, 7), dev=True)
    assert not bootstrap.in_place(tmp_path, wanted)  # none yet: an install that never ended
    (tmp_path / bootstrap.STAMP).write_text(wanted)
    assert bootstrap.in_place(tmp_path, wanted)
    assert bootstrap.in_place(tmp_path, bootstrap.fingerprint(CLONE, (3, 11, 8), dev=True))
    assert not bootstrap.in_place(tmp_path, bootstrap.fingerprint(CLONE, (3, 12, 0), dev=True))
    assert not bootstrap.in_place(
        tmp_path, bootstrap.fingerprint(CLONE._replace(kind="wheel"), (3, 11, 7), True)
    )
    assert not bootstrap.in_place(
        tmp_path, bootstrap.fingerprint(CLONE._replace(content=b"#"), (3, 11, 7), dev=True)
    )


def test_an_install_with_development_tools_serves_those_without_but_not_the_reverse(tmp_path: Path) -> None:
    with_tools, without = (bootstrap.fingerprint(CLONE, (3, 11, 7), dev) for dev in (True, False))
    (tmp_path / bootstrap.STAMP).write_text(with_tools)
    assert bootstrap.in_place(tmp_path, without)
    (tmp_path / bootstrap.STAMP).write_text(without)
    assert not bootstrap.in_place(tmp_path, with_tools)


@pytest.mark.parametrize("broken", [b"", b"pyproject", b"\xff\xfe\x00", b"{}"])
def test_a_broken_stamp_counts_as_none(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / bootstrap.STAMP).write_bytes(broken)
    assert not bootstrap.in_place(tmp_path, bootstrap.fingerprint(CLONE, (3, 11, 7), dev=False))


def test_a_directory_that_is_no_virtual_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(bootstrap_environment.SetupError, match="is no virtual environment"):
        bootstrap_environment.make_venv(tmp_path, sys.executable)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_asks_a_python_for_its_version_and_modules(tmp_path: Path) -> None:
    assert bootstrap_environment.version_of(sys.executable, "sys") == tuple(sys.version_info[:3])
    assert bootstrap_environment.version_of(sys.executable, "no_such_module") == ()
    assert bootstrap_environment.version_of(tmp_path / "python", "sys") == ()


def test_setup_stops_before_it_builds_on_a_python_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap", "--venv", str(tmp_path / "venv")])
    monkeypatch.chdir(ROOT)
    assert bootstrap.main() == 1
    assert "needs Python 3.11 or newer, and this is Python 3.10.13" in capsys.readouterr().err
    assert not (tmp_path / "venv").exists()


def test_ctrl_c_ends_with_a_sentence_and_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "set_up", interrupted)
    monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap"])
    monkeypatch.chdir(ROOT)
    assert bootstrap.main() == 130
    assert "Run it again to go on" in capsys.readouterr().err


# For a program


def test_json_lines_say_the_phase_what_is_done_and_of_how_much() -> None:
    out = io.StringIO()
    progress = bootstrap_progress.JsonProgress("Building llama.cpp", out)
    for line in ("Collecting numpy\n", "  [3/40] c++ -c 3.cpp\n", "  warning: unused\n", "  [40/40] c++\n"):
        progress.take(line)
    progress.finish("done")
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(one["done"], one["total"]) for one in told] == [
        (0, None),
        (0, None),
        (3, 40),
        (40, 40),
        (40, 40),
    ]
    assert {one["phase"] for one in told} == {"Building llama.cpp"}
    assert told[2]["message"] == "Building llama.cpp 3/40 (0 s so far)"
    assert told[-1]["message"] == "Building llama.cpp: done (0 s)"


def run(wheel: Path, venv: Path, env: dict[str, str]) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "lsp_server.bootstrap",
        "--venv",
        str(venv),
        "--wheel",
        str(wheel),
        "--json",
    ]
    env = {"PYTHONPATH": str(wheel), "PYTHONSAFEPATH": "1", "PIP_CONFIG_FILE": os.devnull, **env}
    return subprocess.Popen(command, env=env, cwd=wheel.parent, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a compiler is asked for")
def test_from_a_wheel_without_compiler_or_index_it_says_what_to_do(our_wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    nowhere = {"PATH": str(tmp_path), "PIP_NO_INDEX": "1"}
    told = [json.loads(line) for line in run(our_wheel, venv, nowhere).communicate()[0].splitlines()]
    phases = list(dict.fromkeys(one["phase"] for one in told[:-1]))
    assert phases == ["Making the environment", "Fetching a compiler"]
    assert told[-1]["error"].startswith("No package index that has this could be reached.")
    assert "ziglang" in Path(told[-1]["log"]).read_text(encoding="utf-8")
    named = run(our_wheel, venv, {**nowhere, "CC": "icc"}).communicate()[0].splitlines()
    assert json.loads(named[-1])["error"].startswith("llama.cpp needs a C compiler: found no icc.")


def test_what_is_in_place_is_named_at_once(our_wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    bootstrap_environment.make_venv(venv, sys.executable)
    stamp = bootstrap.fingerprint(bootstrap.wheel(our_wheel), sys.version_info[:2], dev=False)
    (venv / bootstrap.STAMP).write_text(stamp, encoding="utf-8")
    (told,) = run(our_wheel, venv, {"PATH": os.environ["PATH"]}).communicate()[0].splitlines()
    assert json.loads(told) == {"program": str(bootstrap_environment.program_of(venv))}


@posix_only
def test_two_at_once_take_turns_and_a_killed_ones_pip_still_counts(tmp_path: Path) -> None:
    """The lock is held as long as anything that was started under it lives."""
    holder = (
        "import subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from lsp_server.bootstrap_environment import alone\n"
        "from lsp_server.bootstrap_progress import Reporter\n"
        "with alone(Path(sys.argv[1]), Reporter(as_json=True)) as lock:\n"
        "    pip = subprocess.Popen([sys.executable, '-c', 'input()'], pass_fds=(lock.fileno(),))\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", holder, str(tmp_path / "venv")]
    first = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdout is not None and first.stdin is not None
    assert first.stdout.readline() == "held\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert second.stdout is not None and second.stdin is not None
    assert json.loads(second.stdout.readline())["phase"].startswith("Waiting for another set-up")
    first.stdin.close()  # what stands for pip ends
    assert "held\n" in iter(second.stdout.readline, "")
    second.kill()
    second.stdin.close()
    second.wait()
    first.stdout.close()
    second.stdout.close()


@posix_only
def test_cmake_is_given_programs_and_zig_its_target(tmp_path: Path) -> None:
    """Also in a folder whose name has a blank."""
    folder = tmp_path / "a folder"
    (folder / "ziglang").mkdir(parents=True)
    (folder / "ziglang" / "zig").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (folder / "ziglang" / "zig").chmod(0o755)
    env = bootstrap_compiler.zig_environment({"CMAKE_ARGS": "-DMINE=1"}, folder)
    said = subprocess.run([env["CXX"], "-c", "b c.cpp"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("c++|") and said.endswith("|-c|b c.cpp|")
    assert ("-linux-gnu." in said) == (os.confstr("CS_GNU_LIBC_VERSION") is not None)
    assert env["CMAKE_ARGS"].startswith("-DGGML_OPENMP=OFF ") and env["CMAKE_ARGS"].endswith(" -DMINE=1")
