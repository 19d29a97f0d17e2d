"""A tiny model, vectors and one server for all tests of a run."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import openai  # noqa: E402

import serving  # noqa: E402
import tiny  # noqa: E402

N_VECTOR = 64


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """tiny.gguf, and vectors/ with a, b, and v00 to v63."""
    path = tmp_path_factory.mktemp("serve")
    (path / "tiny.gguf").write_bytes(tiny.tiny_model())
    vectors = path / "vectors"
    vectors.mkdir()
    for i in range(N_VECTOR):
        (vectors / f"v{i:02}.gguf").write_bytes(tiny.control_vector(100 + i, layers=[i % 3], size=0.5))
    (vectors / "a.gguf").write_bytes(tiny.control_vector(1))
    (vectors / "b.gguf").write_bytes(tiny.control_vector(2, layers=[1, 2]))
    return path


@pytest.fixture(scope="session")
def start(folder, tmp_path_factory):
    """start(*flags): a server on the tiny model; the caller ends it."""
    logs = tmp_path_factory.mktemp("logs")
    count = iter(range(1000))

    def start(*flags, model=folder / "tiny.gguf", headers=None):
        return serving.Server(model, "--threads", 2, *flags, log=logs / f"server-{next(count)}.log", headers=headers)

    return start


@pytest.fixture(scope="session")
def server(start, folder):
    with start("--vectors", folder / "vectors") as server:
        yield server
        assert server.alive, server.log.read_text()


@pytest.fixture(scope="session")
def model(server):
    """The model's name."""
    return server.ok("/v1/models")["data"][0]["id"]


@pytest.fixture(scope="session")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as client:
        yield client
