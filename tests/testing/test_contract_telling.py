"""What the contract tells first, and how."""

from __future__ import annotations

import pytest

from backup_actions.errors import SampleMissing
from backup_actions_testing import ActionContract, contract
from backup_actions_testing.contract import DescriptionContract, RunContract


def test_what_is_told_at_once_is_told_before_what_takes_runs() -> None:
    # pytest collects the tests of classes in the reverse order of inheritance.
    order = [each for each in reversed(ActionContract.__mro__) if each in {DescriptionContract, RunContract}]

    assert order == [DescriptionContract, RunContract]


def test_what_cannot_be_tried_is_told_in_a_sentence_and_not_by_a_trace() -> None:
    with pytest.raises(pytest.fail.Exception) as told, contract._told_in_a_sentence():
        raise SampleMissing(name="vm-notes", handles="VirtualMachine")

    assert not told.value.pytrace
    assert str(told.value).startswith("BA0605: ")
    assert "\n" in str(told.value)
