"""Models of the Hugging Face Hub, through its own package."""

from __future__ import annotations

from ._errors import MissingError, UsageError


def local_file(name: str) -> str:
    """A name as load() has it; "hf:user/repo[/file.gguf]" becomes the path of a file in the Hub's own cache."""
    if not name.startswith("hf:"):
        return name
    parts = name[3:].split("/", 2)
    if len(parts) < 2 or not all(parts):
        raise UsageError(f"name: found {name!r}, expected hf:user/repo or hf:user/repo/file.gguf")
    try:
        import huggingface_hub as hub
    except ImportError:
        raise MissingError(f"{name}: the package huggingface_hub is not installed; pip install huggingface_hub, or "
                           "fetch the file yourself and give its path") from None
    repo = "/".join(parts[:2])
    file = parts[2] if len(parts) == 3 else _only_gguf(repo, hub.list_repo_files(repo))
    return str(hub.hf_hub_download(repo, file))


def _only_gguf(repo: str, files: list[str]) -> str:
    found = sorted(file for file in files if file.endswith(".gguf"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise MissingError(f"hf:{repo} holds no GGUF file; expected a repository with a model in GGUF form")
    raise UsageError(f"hf:{repo} holds {len(found)} GGUF files; name one: "
                     + ", ".join(f"hf:{repo}/{file}" for file in found))
