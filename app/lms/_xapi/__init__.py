"""The rules of xAPI 1.0.3 and 2.0 for statements and requests, pure: values in, values or `Unacceptable` out.

`statements` checks what was sent, `completing` gives it what the specification has a learning record store give,
`comparing` tells equal statements from others, `mentions` says by what a statement is found, `formats` how it is shown;
`multipart`, `attachments` and `signing` read what comes with it, `alternate` the syntax of senders without headers.
https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md
"""

from __future__ import annotations

import re
from enum import StrEnum

_VERSION = re.compile(r"([12])\.0(?:\.\d+)?", re.ASCII)


class Unacceptable(Exception):
    """What was sent is not what the specification asks for. `pointer` says where in the body, `parameter` which one."""

    def __init__(self, reason: str, pointer: str | None = None, *, parameter: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer
        self.parameter = parameter


class Edition(StrEnum):
    """The newest patch version of each major version that is spoken: what answers name."""

    ONE = "1.0.3"
    TWO = "2.0.0"


def edition_of(header: str | None) -> Edition | None:
    """Return the edition that an `X-Experience-API-Version` asks for; None: none that is spoken here.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#33-versioning
    """
    found = _VERSION.fullmatch((header or "").strip())
    return None if found is None else Edition.ONE if found[1] == "1" else Edition.TWO
