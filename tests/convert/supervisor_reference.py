"""What supervisor itself makes of a file: its own parser and its own options, without the checks of this machine."""

import configparser
import io
import platform
from pathlib import Path

import supervisor.options
from supervisor.options import ServerOptions, UnhosedConfigParser


def sections(text: str) -> dict[str, dict[str, str]] | None:
    """Each section with its keys, as supervisor reads them; None: it refuses the text."""
    parser = UnhosedConfigParser()
    try:
        parser.read_file(io.StringIO(text))
    except configparser.Error:
        return None
    return {name: dict(parser._sections[name]) for name in parser.sections()}  # [DEFAULT] is not mixed in


class Process:
    """One process that supervisord would run."""

    def __init__(self, group, config):
        self.program = config.name
        self.group = group.name
        self.command = config.command
        self.directory = config.directory
        self.environment = config.environment
        self.config = config


def processes(path: Path, environ: dict[str, str], monkeypatch) -> list[Process]:
    """All processes of the file, in the order of its programs."""
    monkeypatch.setattr(supervisor.options, "existing_dirpath", lambda value: value)
    monkeypatch.setattr(supervisor.options, "existing_directory", lambda value: value)
    monkeypatch.setattr(supervisor.options, "logfile_name", lambda value: value)
    monkeypatch.setattr(supervisor.options, "name_to_uid", lambda value: 0 if value else None)
    monkeypatch.setattr(platform, "node", lambda: environ["HOSTNAME"])
    options = ServerOptions()
    options.here = str(path.parent.resolve())
    options.environ_expansions = {f"ENV_{name}": value for name, value in environ.items()}
    options.import_spec = lambda spec: spec
    options.get_plugins = lambda *_: []
    text = path.read_text(encoding="utf-8")
    whole = io.StringIO(text if "[supervisord]" in text else f"{text}\n[supervisord]\n")
    whole.name = str(path)  # [include] is relative to it
    read = options.read_config(whole)
    return [Process(group, one) for group in read.process_group_configs for one in group.process_configs]
