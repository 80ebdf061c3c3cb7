"""Values that no tag may hold, by their grammar: secrets, mail addresses, telephone and identity numbers.

Numbers count where a checksum or their separators show what they are: an id of digits alone is an id.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Kind = Literal["secret", "mail", "telephone", "identity number"]
LONGEST = 8_192  # characters of a value that is examined

# a key of AWS; a token with its issuer's prefix; a JWT; the head of a private key; credentials of a header
CREDENTIAL = (
    r"\b(?:AKIA|ASIA|ABIA)[A-Z2-7]{16}\b|\bABSK[A-Za-z0-9+/]{40,}={0,2}"
    r"|\b(?:sk|pk|rk|gh[opsur]|github_pat|glpat|xox[abeoprs]|hf|npm|pypi|dop_v1|lin_api|whsec)[-_][A-Za-z0-9_-]{20,}"
    r"|\bAIza[A-Za-z0-9_-]{35}\b|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^(?i:Bearer|Basic) [A-Za-z0-9._~+/-]{16,}=*$"
)
MAIL = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
TELEPHONE = (
    r"^\+[1-9]\d{0,2}[ ./-]?(?:\(\d{1,4}\)[ ./-]?)?\d{1,4}(?:[ ./-]?\d{2,4}){1,5}$"
    r"|^\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4}$"
)
_CARD = (
    r"^(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6011|65\d{2})([ -]?)\d{4}\1\d{4}\1\d{4}$"
    r"|^3[47]\d{2}([ -]?)\d{6}\2\d{5}$"
)
_IBAN = r"^[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?$"
_SSN = r"^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$"
_NINO = r"^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]$"
_CPF = r"^\d{3}\.\d{3}\.\d{3}-\d{2}$"
_DNI = r"^[XYZ\d]\d{7}-?[TRWAGMYFPDXBNJZSQVHLCKE]$"
_NIR = r"^[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3} ?\d{2}$"
# what a value must match to be examined at all: most match nothing
SUSPECT = rf"(?:{CREDENTIAL})|{MAIL}|{TELEPHONE}|^[A-Z0-9][A-Z0-9]{{1,3}}[A-Z0-9 .-]{{5,38}}$"


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if char.isdigit()]


def _luhn(text: str) -> bool:
    """The checksum of payment cards."""
    doubled = [sum(divmod(2 * d, 10)) if n % 2 else d for n, d in enumerate(reversed(_digits(text)))]
    return sum(doubled) % 10 == 0


def _iban(text: str) -> bool:
    """ISO 13616: letters as numbers, the first four characters last, modulo 97."""
    bare = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


def _cpf(text: str) -> bool:
    """Brazil: two check digits over the digits before them."""
    digits = _digits(text)
    for n in (9, 10):
        total = sum(d * (n + 1 - i) for i, d in enumerate(digits[:n]))
        if digits[n] != total * 10 % 11 % 10:
            return False
    return len(set(digits)) > 1


def _dni(text: str) -> bool:
    """Spain: a letter by the number modulo 23."""
    number = text[:-1].replace("-", "").translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def _nir(text: str) -> bool:
    """France: the last two digits complete the rest to a multiple of 97."""
    bare = text.replace(" ", "")
    return (int(bare[:-2]) + int(bare[-2:])) % 97 == 0


def _telephone(text: str) -> bool:
    return 8 <= len(_digits(text)) <= 15


def _always(_: str) -> bool:
    return True


_KINDS: tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("secret", re.compile(CREDENTIAL), _always),
    ("mail", re.compile(MAIL), _always),
    ("identity number", re.compile(_SSN), _always),
    ("identity number", re.compile(_CARD), _luhn),
    ("identity number", re.compile(_IBAN), _iban),
    ("identity number", re.compile(_NINO), _always),
    ("identity number", re.compile(_CPF), _cpf),
    ("identity number", re.compile(_DNI), _dni),
    ("identity number", re.compile(_NIR), _nir),
    ("telephone", re.compile(TELEPHONE), _telephone),
)


def kind_of(text: str) -> Kind | None:
    """What a value is that no tag may hold; None for any other."""
    text = text.strip()[:LONGEST]
    return next((kind for kind, shape, holds in _KINDS if shape.search(text) and holds(text)), None)
