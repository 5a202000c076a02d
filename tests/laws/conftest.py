"""The same examples in every run of the tests; `--hypothesis-profile=search` looks for new ones."""

from hypothesis import HealthCheck, settings

_EVERYWHERE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("fixed", max_examples=150, derandomize=True, database=None, **_EVERYWHERE)
settings.register_profile("search", max_examples=5000, print_blob=True, **_EVERYWHERE)
settings.load_profile("fixed")
