"""What is said of an account: of each subject an outcome and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How something stands."""

    GOOD = "good"
    LOOK = "look again"
    """It may be meant so, or AWS makes it by itself."""
    WRONG = "wrong"
    """What is deployed would not work, or not as the settings say."""
    NOT_CHECKED = "not checked"
    """Nobody could look: that is never good."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was found of one subject."""

    subject: str
    outcome: Outcome
    says: str


def good(subject: str, says: str) -> Result:
    """It is as it has to be."""
    return Result(subject, Outcome.GOOD, says)


def look(subject: str, says: str) -> Result:
    """It is worth a second look."""
    return Result(subject, Outcome.LOOK, says)


def wrong(subject: str, says: str) -> Result:
    """It has to be put right before the deployment."""
    return Result(subject, Outcome.WRONG, says)
