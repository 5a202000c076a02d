"""Makes docs/reference/metrics.md from the table in `minisup/gateway/metrics.py`:

python tests/tools/metrics_reference.py > docs/reference/metrics.md
"""

import sys

from minisup.core.policy.stats import DURATIONS
from minisup.gateway.metrics import METRICS

HEAD = """# Metrics for Prometheus

`minisup metrics` prints these metrics once, as text for Prometheus; with `--openmetrics` in the OpenMetrics format.
[Watch minisup with Prometheus](../how-to/prometheus.md) says how to get them into Prometheus, and which alerts matter.

Names, types, labels and buckets are a contract. No label carries a run, a pid, a slot, a command or an error: the
number of series depends on your configuration alone. All label values are there from the first scrape. A counter
starts at 0 when minisup starts, and a reload never sets one back.

| name | type | labels | meaning |
|---|---|---|---|
"""

TAIL = """
The histograms have these buckets, in seconds: {bounds}.

`minisup_queue_messages` and `minisup_probe_up` are there for programs with a [source](config.md) or a probe, the
metrics of messages for programs with a source, the delay of a schedule once a start was late, and the daemon's own
metrics where you may see its process.
"""


def reference() -> str:
    """The page."""
    rows = [
        f"| `{metric.name}` | {metric.type} | {', '.join(f'`{label}`' for label in metric.labels) or '-'} "
        f"| {metric.help} |\n"
        for metric in METRICS
    ]
    return HEAD + "".join(rows) + TAIL.format(bounds=", ".join(f"{bound:g}" for bound in DURATIONS))


if __name__ == "__main__":
    sys.stdout.write(reference())
