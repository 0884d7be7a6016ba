"""Which files are no source text, by their name alone: media, archives, lock files, what a machine wrote.

It knows names, never contents; what a generator says of itself inside a file is `reading`'s to see.
"""

from __future__ import annotations

import re
from fnmatch import translate

BINARY = frozenset(
    (
        # pictures, sound, film, fonts
        "png", "jpg", "jpeg", "gif", "bmp", "ico", "icns", "tif", "tiff", "webp", "avif", "heic", "psd", "ai",
        "eps", "svg", "mp3", "mp4", "m4a", "m4v", "mov", "avi", "mkv", "webm", "ogg", "oga",
        "wav", "flac", "aac", "ttf", "otf", "woff", "woff2", "eot", "glb", "gltf", "fbx", "blend", "stl",
        # archives and packages
        "zip", "gz", "tgz", "bz2", "xz", "zst", "lz4", "7z", "rar", "tar", "jar", "war", "ear", "whl", "egg",
        "gem", "nupkg", "deb", "rpm", "apk", "aab", "ipa", "dmg", "iso", "msi", "cab", "crx", "vsix",
        # compiled code and what debuggers read
        "exe", "dll", "so", "dylib", "a", "o", "obj", "lib", "pdb", "class", "pyc", "pyo", "pyd", "wasm",
        "beam", "elc", "bin", "dat", "node", "rlib", "rmeta", "dex", "nib", "mo",
        # documents, databases, weights
        "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "epub", "sqlite", "sqlite3",
        "db", "db3", "mdb", "parquet", "arrow", "feather", "avro", "orc", "npy", "npz",
        "pkl", "pickle", "h5", "hdf5", "pt", "pth", "ckpt", "onnx", "gguf", "ggml", "safetensors", "tflite",
        "pb", "mat", "rdata", "rds", "sav", "dta",
        # traces and dumps
        "log", "pcap", "prof", "trace", "dump", "dmp", "swp", "swo", "bak", "orig", "rej",
    )
)  # fmt: skip

GENERATED_NAMES = (
    # written by package managers; long, and nobody completes them
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb", "bun.lock",
    "deno.lock", "poetry.lock", "pdm.lock", "uv.lock", "pipfile.lock", "conda-lock.yml", "cargo.lock",
    "composer.lock", "gemfile.lock", "go.sum", "go.work.sum", "mix.lock", "pubspec.lock", "podfile.lock",
    "package.resolved", "packages.lock.json", "gradle.lockfile", "flake.lock", ".terraform.lock.hcl",
    "pixi.lock", "cartfile.resolved",
    # made smaller for a browser
    "*.min.js", "*.min.mjs", "*.min.cjs", "*.min.css", "*.bundle.js", "*.chunk.js", "*.chunk.css", "*.map",
    # written by compilers of schemas and by designers
    "*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_grpc.pb.go", "*.pb.go", "*.pb.gw.go", "*.pb.cc", "*.pb.h",
    "*.pb.swift", "*.pbobjc.h", "*.pbobjc.m", "*_pb.js", "*_pb.d.ts", "*_pb.ts", "*_generated.go", "*_gen.go",
    "zz_generated.*", "bindata.go", "*.g.dart", "*.freezed.dart", "*.gr.dart", "*.mocks.dart",
    "*.designer.cs", "*.designer.vb", "*.g.cs", "*.g.i.cs", "*.generated.*", "*.xcstrings", "*.pbxproj",
    "*.ipynb", "*.snap", "moc_*.cpp", "qrc_*.cpp", "parsetab.py", "tags", ".ds_store",
)  # fmt: skip

SKIPPED_DIRECTORIES = frozenset(
    (
        ".git", ".hg", ".svn", ".bzr", "cvs", ".jj",  # what a version control system keeps for itself
        "node_modules", "bower_components", "site-packages", ".bundle", ".yarn",  # other people's code
        ".pnpm-store",
        "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox",
        ".eggs", ".gradle", ".terraform", ".next", ".nuxt", ".svelte-kit", ".parcel-cache",   # caches
        ".turbo", ".dart_tool", ".idea", ".vs", ".venv",
    )
)  # fmt: skip

_GENERATED = re.compile("|".join(translate(pattern) for pattern in GENERATED_NAMES))


def left_out_by_name(name: str) -> str:
    """Why a file of this name is no source text, as the end of a sentence; "" for one that may be."""
    lower = name.lower()
    _, dot, extension = lower.rpartition(".")
    if dot and extension in BINARY:
        return "its name is that of a binary file, an archive or a log"
    if _GENERATED.match(lower):
        return "its name is that of a generated or lock file"
    return ""


def is_skipped_directory(name: str) -> bool:
    """Whether a directory of this name holds no source text of the project."""
    return name.lower() in SKIPPED_DIRECTORIES
