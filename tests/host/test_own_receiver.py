"""The receiver that the documentation shows, as it is shown."""

import re
import sys
from pathlib import Path

from kit import Stage
from receiving import Receiving

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "receivers.md"


def test_the_receiver_of_the_documentation_speaks_the_protocol(stage: Stage) -> None:
    [source] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert 25 < len(source.splitlines()) < 45
    stage.write("queue.txt", "one\ntwo\ngrößer\n")
    own = stage.write("my_receiver.py", source)
    command = (sys.executable, "-X", "utf8", str(own))
    it = Receiving(stage, {"kind": "command", "lease": 60.0}, known={"gone": "?"}, command=command, cwd=stage.root)
    it.ready()
    it.until_lost("gone")
    first = it.take(2)
    assert [message.body for message in first] == [b"one", b"two"]
    it.credit(0)
    it.ack(first[0].id)
    it.give_back(first[1].id, 1.0)
    rest = it.take(2)
    assert [message.body for message in rest] == ["größer".encode(), b"two"]
    it.reject(rest[0].id, "bad")
    it.ack(rest[1].id)
    it.stop(1.0)
    assert it.end() == 0
