"""Public ids: TypeIDs, a noun's prefix + `_` + 26 characters of Crockford base32 (https://github.com/jetify-com/typeid)."""

from uuid import UUID

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_LENGTH = 26
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_SHIFTS = range(120, -1, -10)

PREFIXES = {
    "obj": "objective",
    "kpi": "kpi",
    "out": "outcome",
    "mea": "measurement",
    "ini": "initiative",
    "aln": "alignment",
    "agr": "agreement",
    "act": "activity",
    "ref": "activity reference",
    "per": "person",
    "idn": "identity",
    "org": "org unit",
    "aud": "audience",
    "src": "source",
    "dlv": "delivery",
    "evt": "learning event",
    "enr": "enrolment",
    "cst": "cost item",
    "uvl": "unit value",
    "sur": "survey",
    "srv": "survey response",
    "beh": "behaviour",
    "obs": "observation",
    "dee": "support deed",
    "cmt": "commitment",
    "asc": "assessment score",
    "prs": "proficiency standard",
    "sat": "standard attainment",
    "rev": "review",
    "dec": "decision",
    "atn": "action",
    "fct": "forecast",
    "est": "personal estimate",
    "ovr": "status override",
    "cnv": "content version",
    "rvi": "review interval",
    "req": "requirement",
    "pln": "evaluation plan",
    "eff": "effect estimate",
    "pan": "panel",
    "rol": "rollout design",
    "stm": "impact statement",
    "key": "API key",
    "idp": "identity provider",
    "ten": "tenant",
    "hook": "webhook endpoint",
    "msg": "webhook message",
    "att": "webhook attempt",
    "opn": "operation",
    "chg": "change",
    "pub": "published figure",
    "rst": "restatement",
}


def encode(prefix: str, value: UUID) -> str:
    """Return the TypeID of `value`, such as `obj_01h455vb4pex5vsknk084sn02q`."""
    number = value.int
    return f"{prefix}_{''.join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])}"


def decode(prefix: str, text: str) -> UUID:
    """Return the uuid in a TypeID; ValueError with a sentence when it is not one of `prefix`."""
    head, _, tail = text.rpartition("_")
    if head != prefix or len(tail) != _LENGTH or tail[0] > "7" or any(character not in _VALUES for character in tail):
        raise ValueError(f"an id of this kind looks like {prefix}_01h455vb4pex5vsknk084sn02q")
    number = 0
    for character in tail:
        number = number << 5 | _VALUES[character]
    return UUID(int=number)


def kind_of(text: str) -> str | None:
    """Return the prefix of a TypeID when it is a known one, else None."""
    head = text.rpartition("_")[0]
    return head if head in PREFIXES else None
