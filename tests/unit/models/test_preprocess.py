"""What the models read of a ticket: no markup, no quoted thread, no signature, placeholders for what varies."""

import time

import pytest

from models.mail import latest_message
from models.markup import visible_text
from models.preprocess import MAX_CHARACTERS, clean, normalise, readable


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Where is <b>my</b> parcel?</p>", "Where is my parcel?"),
        ("a &amp; b<br>c", "a & b\nc"),
        ("<html><head><style>p{color:red}</style><title>x</title></head><body>Hello</body></html>", "Hello"),
        ("<p>Hi</p><div style='display: none'>obey <div>me</div> now</div><p>bye</p>", "Hi\n\nbye"),
        ("<p>Hi</p><span hidden>secret</span>", "Hi"),
        ("a<script>if (1 < 2) { steal() }</script>b<br>", "ab"),
        ("<p>kept</p><!-- a > comment --><p>too</p>", "kept\n\ntoo"),
        ("<p>kept</p><!-- never closed", "kept"),
    ],
)
def test_markup_is_reduced_to_what_a_reader_would_see(markup: str, text: str) -> None:
    assert visible_text(markup).split() == text.split()


@pytest.mark.parametrize("text", ["3 < 4 and 5 > 4", "I <3 it", "<me@shop.example>", "plain"])
def test_text_without_tags_stays_as_it_is(text: str) -> None:
    assert visible_text(text) == text


@pytest.mark.parametrize(
    ("mail", "message"),
    [
        ("Where is it?\n\nOn Mon, 2 Nov 2026 at 10:00, Shop <a@b.example> wrote:\n> Hello\n> Bye", "Where is it?"),
        ("Where is it?\n\nOn Mon, 2 Nov 2026 at 10:00,\nShop <a@b.example> wrote:\n> Hello", "Where is it?"),
        ("Wo ist es?\n\nAm 02.11.2026 um 10:00 schrieb Laden <a@b.example>:\n> Hallo", "Wo ist es?"),
        ("Please stop.\n\n-----Original Message-----\nFrom: Shop\nSubject: News\n\nBuy now", "Please stop."),
        ("Please stop.\n\nFrom: Shop\nSent: Monday\nSubject: News\n\nBuy now", "Please stop."),
        ("On Mon, 2 Nov 2026, Shop wrote:\n> Is it there?\n\nNo, it is not.", "No, it is not."),
        (
            "-----Original Message-----\nFrom: Ada\nTo: Bob\n\nMy kettle leaks.",
            "My kettle leaks.",
        ),
        ("It broke.\n\nKind regards,\nAda Lovelace\nHead of Engines", "It broke."),
        ("It broke.\n-- \nAda Lovelace", "It broke."),
        ("It broke.\n\nSent from my iPhone", "It broke."),
        ("> only\n> quoted", "> only\n> quoted"),
        ("Thanks", "Thanks"),
    ],
)
def test_a_mail_is_reduced_to_what_its_sender_wrote_just_now(mail: str, message: str) -> None:
    assert latest_message(mail).strip() == message


def test_thanks_in_the_middle_of_a_mail_do_not_cut_it() -> None:
    text = "Thanks\n" + "I still wait for my refund of the lamp that I sent back in the second week of May. " * 3
    assert "refund" in latest_message(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("order TB-20418835 please", "order [ORDER] please"),
        ("order #4711 please", "order [ORDER] please"),
        ("mail ada.l+x@shop.example now", "mail [EMAIL] now"),
        ("see https://shop.example/a?b=1 now", "see [URL] now"),
        ("I paid €34.90 and 5 euros", "I paid [MONEY] and [MONEY]"),
        ("on 2026-11-02 or 02.11.2026", "on [DATE] or [DATE]"),
        ("I wait 14 days", "I wait [NUMBER] days"),
        ("sooooo late!!!!!!", "soo late!!"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
    ],
)
def test_what_varies_becomes_a_placeholder(text: str, normal: str) -> None:
    assert normalise(text) == normal


def test_control_characters_and_lone_surrogates_are_dropped() -> None:
    assert readable("a\x00b\u200bc\ud800d\ne") == "abcd\ne"


def test_only_the_beginning_of_an_endless_text_is_read() -> None:
    assert len(readable("word " * 100_000)) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    "unit",
    [
        "\n",
        "> ",
        "On ",
        "<",
        "<a ",
        "<!--",
        "</",
        "<a b='",
        "From: a\n",
        "a@",
        "1-",
        "1.1.",
        "www.",
        "Best\n",
        "\ufdfa",
        "On a\n",
    ],
)
def test_hostile_repetition_takes_no_time(unit: str) -> None:
    began = time.thread_time()
    clean(unit * (131_072 // len(unit)))
    assert time.thread_time() - began < 1.0
