"""Models of the Hugging Face Hub, through its own package."""

from __future__ import annotations

import re

from ._errors import BadInputError, MissingError, UsageError

_NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:[:/](.+))?")
_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")


def local_file(name: str) -> str:
    """A name as load() has it; "hf:user/repo[:quantisation or file]" becomes the path of a file in the Hub's own cache.
    Which file is meant is decided as the program does (docs/models.md)."""
    if not name.startswith("hf:"):
        return name
    match = _NAME.fullmatch(name)
    if not match:
        raise UsageError(f"name: found {name!r}, expected hf:user/repo, hf:user/repo:Q4_K_M or hf:user/repo:file.gguf")
    try:
        import huggingface_hub as hub
    except ImportError:
        raise MissingError(f"{name}: the package huggingface_hub is not installed; pip install huggingface_hub, or "
                           "fetch the file yourself and give its path") from None
    repo, wanted = match[1], match[2] or ""
    file = wanted if wanted.endswith(".gguf") else _chosen(repo, wanted, hub.list_repo_files(repo))
    return str([hub.hf_hub_download(repo, part) for part in _parts(file)][0])


def _parts(file: str) -> list[str]:
    """All parts of the model that a file is a part of."""
    match = _PART.fullmatch(file)
    if not match:
        return [file]
    return [f"{match[1]}-{i:05}-of-{match[3]}.gguf" for i in range(1, int(match[3]) + 1)]


def _chosen(repo: str, tag: str, files: list[str]) -> str:
    found = [file for file in sorted(files)
             if file.lower().endswith(".gguf") and not re.search("mmproj|imatrix", file.rsplit("/", 1)[-1].lower())
             and _parts(file)[0] == file]
    if not found:
        raise BadInputError(f"hf:{repo} holds no GGUF model; expected a repository with a model in GGUF form")
    for word in [tag] if tag else ["Q4_K_M", "Q8_0"]:
        for file in found:
            if re.search(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z_])", file, re.IGNORECASE):
                return file
    if not tag:
        return found[0]
    raise UsageError(f"hf:{repo}:{tag}: no file of the repository has {tag} in its name; it has: {', '.join(found)}")
