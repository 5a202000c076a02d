"""An extra run is refused where it would do nothing useful."""

import pytest

from minisup.core.fleet import Fleet
from minisup.core.model import MessageSource, Policy
from minisup.errors import MinisupError
from minisup.host.requests.preconditions import refuse_without_message


def test_an_extra_run_of_a_program_with_a_source_is_refused_and_push_is_named():
    policies = [Policy(name="email", source=MessageSource()), Policy(name="poll")]
    fleet = Fleet(policies, shutdown_timeout=1.0, uniform=max)
    refuse_without_message(fleet.programs["poll"])
    with pytest.raises(MinisupError, match=r"cannot run email: .*`minisup push email FILE`"):
        refuse_without_message(fleet.programs["email"])
