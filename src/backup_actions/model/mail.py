"""What is sent to people: always within what SNS takes, so that no news is lost for its length."""

from __future__ import annotations

from dataclasses import dataclass

# "less than 100 characters", without line breaks and control characters; ASCII is what every mail client shows.
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT_CHARACTERS = 99

# SNS takes 256 KiB, and a state of Step Functions through which the text goes holds no more either, with all else in
# it. Nobody reads as much as this.
MESSAGE_BYTES = 64 * 1024

_PLAIN = str.maketrans({"…": "..."})


@dataclass(frozen=True, slots=True)
class Mail:
    """A subject and a message; what is too long is cut, and the message says so."""

    subject: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", _subject(self.subject))
        object.__setattr__(self, "message", _message(self.message))


def _subject(text: str) -> str:
    plain = " ".join(text.translate(_PLAIN).encode("ascii", "replace").decode().split())
    shown = "".join(character for character in plain if character.isprintable())
    return shown if len(shown) <= SUBJECT_CHARACTERS else f"{shown[: SUBJECT_CHARACTERS - 3].rstrip()}..."


def _message(text: str) -> str:
    whole = text.encode()
    if len(whole) <= MESSAGE_BYTES:
        return text
    end = "\n[The rest was left out: the whole text is longer than a notification may be.]"
    kept = whole[: MESSAGE_BYTES - len(end)].decode(errors="ignore")
    whole_lines = kept.rpartition("\n")[0]
    return (whole_lines or kept) + end
