"""The picture of the live screen in the README: `python tests/surface/picture.py > docs/screen.svg`."""

import os
import re
import sys
from pathlib import Path

from live_fleet import view
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from minisup.cli.live.paint import paint

WIDTH, HEIGHT = 120, 14


def picture() -> str:
    """The screen as SVG, without fonts from elsewhere: whoever looks at it has one."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(width=WIDTH, record=True, force_terminal=True, color_system="truecolor", file=nowhere)
        for line in paint(view(WIDTH, HEIGHT)):
            console.print(line, no_wrap=True, overflow="crop")
        template = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        template = template.replace("Fira Code", "ui-monospace, Menlo, DejaVu Sans Mono")
        return console.export_svg(title="minisup status", theme=MONOKAI, code_format=template, unique_id="minisup")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.stdout.write(picture())
