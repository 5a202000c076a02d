"""A real redis-server on a free loopback port, for the tests with real workers."""

import shutil
import socket
import subprocess
from pathlib import Path

from kit import Stage, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"


def missing(*tools: str) -> str:
    """Which of these are not installed, in words; empty if all are."""
    lacks = [tool for tool in tools if shutil.which(tool) is None]
    return f"not installed: {', '.join(lacks)}" if lacks else ""


class Redis:
    """One server without files; it can die and come back, empty, on the same port."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environ = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port)}
        self.start()

    def start(self) -> None:
        words = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = self.stage.popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.stage.root
        )
        wait_until(self.listens, 10.0, "redis listens")

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def example(stage: Stage, name: str, **values: str) -> Path:
    """A copy of an example whose socket and state are in the stage's directory; `values` replace text in its file."""
    top = stage.path(name)
    shutil.copytree(EXAMPLES / name, top)
    file = top / "minisup.toml"
    text = file.read_text()
    head = f'[supervisor]\nsocket = "{stage.socket}"\nstate_dir = "{stage.path("state")}"\n'
    for old, new in {"[supervisor]\n": head, **values}.items():
        assert old in text, old
        text = text.replace(old, new)
    file.write_text(text)
    return file
