"""The page about the command line says what the commands say."""

from cli.reference import PAGE, page


def test_the_page_is_what_the_commands_give_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run `python -m cli.reference`"
