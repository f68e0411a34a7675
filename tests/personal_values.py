"""Strategies for personal data as customers write it: card numbers, IBANs and phone numbers with right checksums."""

from hypothesis import strategies as st

_SEPARATORS = st.sampled_from(["", " ", "-"])
_LETTERS_AND_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _with_luhn(digits: str) -> str:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-1][::2]]
    return digits + str(-(sum(doubled) + sum(map(int, digits[::-1][1::2]))) % 10)


def _with_mod_97(country: str, account: str) -> str:
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02d}{account}"


def _in_groups(text: str, separator: str) -> str:
    return separator.join(text[at : at + 4] for at in range(0, len(text), 4))


cards = st.builds(
    _in_groups, st.from_regex(r"[3-6][0-9]{11,17}", fullmatch=True).filter(str.isascii).map(_with_luhn), _SEPARATORS
)
ibans = st.builds(
    _in_groups,
    st.builds(
        _with_mod_97,
        st.sampled_from(["DE", "GB", "FR", "NL", "IE", "NO", "MT"]),
        st.text(_LETTERS_AND_DIGITS, min_size=11, max_size=27),
    ),
    _SEPARATORS,
)
phones = st.builds(
    lambda start, digits, separator: start + separator.join(digits[at : at + 3] for at in range(0, len(digits), 3)),
    st.sampled_from(["+353 ", "+49", "0049 ", "0", "(0", "+1 "]),
    st.text("0123456789", min_size=8, max_size=10),
    st.sampled_from(["", " ", "-", "/"]),
)
