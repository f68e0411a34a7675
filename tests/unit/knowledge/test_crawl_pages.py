"""What is read of a page: questions stated for machines, accordions, headings, or all of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.knowledge.crawl.fetching import Fetched
from helpdesk.knowledge.crawl.page_articles import PageRead, read_articles
from helpdesk.knowledge.crawl.structured import as_html
from tests import help_site

URL = httpx.URL("https://larch.example/help/page.html")


def read(html: str | bytes, **about: str) -> PageRead:
    content = html.encode("utf-8", "surrogatepass") if isinstance(html, str) else html
    return read_articles(Fetched(URL, content, **about))


def page(name: str) -> PageRead:
    file = Path(help_site.PAGES) / "help" / name
    return read_articles(Fetched(URL.join(name), file.read_bytes()))


def answers(read: PageRead) -> dict[str, str]:
    return {
        str(raw.fields.get("question") or raw.fields["title"]): str(raw.fields["body"]) for raw in read.sources.articles
    }


def codes(read: PageRead) -> list[str]:
    return [finding.code for finding in read.sources.findings]


def stated(document: object) -> dict[str, str]:
    return answers(read(f'<script type="application/ld+json">{json.dumps(document)}</script>'))


def test_a_faq_page_gives_what_it_states_and_what_only_its_accordion_has() -> None:
    orders = page("orders.html")
    assert answers(orders) == {
        "Can I change my order after I placed it?": "An order can be changed as long as it shows Received.\n\n"
        "1. Open [your orders](https://larch.example/account/orders).\n2. Press “Change”.",
        "How do I cancel an order & get my money back?": "Cancel it in your account within one hour.\n\n"
        "The money is back within five working days.",
        "Where do I find my order number?": "It stands in the subject of our confirmation, and begins with LC.",
    }
    first = orders.sources.articles[0]
    assert first.fields["updated"] == "2026-10-02"
    assert first.fields["tags"] == ["crawled", "lang:en"]
    assert first.fields["url"] == "https://larch.example/help/orders.html"
    assert first.where == "https://larch.example/help/orders.html"
    assert codes(orders) == []


def test_questions_are_found_in_a_graph_by_their_references_and_with_escaped_html() -> None:
    assert answers(page("returns.html")) == {
        "How long can I return something?": "You have 30 days from delivery.\n\n- Unused\n- In its box",
        "Who pays for the parcel?": "We do, with the label in your box.",
    }


def test_broken_json_ld_is_reported_and_the_headings_that_ask_are_read() -> None:
    vouchers = page("broken.html")
    assert answers(vouchers) == {
        "How do I use a voucher?": "Type its code into the field “Voucher” at the checkout.\n\n"
        "One voucher counts per order.",
        "Does a voucher expire?": "It is good for three years, to the end of the year.",
    }
    assert codes(vouchers) == ["json-ld"]


def test_of_a_page_of_questions_and_answers_only_accepted_answers_count() -> None:
    community = page("community.html")
    assert list(answers(community)) == ["My tent leaks at the seam, what now?"]
    assert "another brand" not in str(community)
    assert codes(community) == ["no-answer"]


def test_accordions_are_read_the_inner_ones_apart_and_menus_not_at_all() -> None:
    payment = page("payment.html")
    assert answers(payment) == {
        "Which ways to pay do you take?": "Cards, PayPal and bank transfer.",
        "Which cards exactly?": "Visa and Mastercard, debit or credit.",
        "When is my card charged?": "When the parcel leaves us.",
    }
    assert codes(payment) == ["hidden-text"]


def test_panels_that_a_button_opens_are_read_though_they_are_closed() -> None:
    assert answers(page("account.html")) == {
        "I forgot my password. What can I do?": "Press “Forgotten?” at the login and follow the mail that we send.",
        "How do I delete my account?": "Write to us from the address of the account; it takes a week.",
    }


def test_a_list_of_terms_gives_its_questions_and_no_table_of_facts() -> None:
    assert answers(page("delivery.html")) == {
        "How long does delivery take?": "Two to four working days.\n\nIslands take a week.",
        "What does it cost?": "4.90 €, and nothing from 60 €.",
    }


def test_headings_that_ask_end_where_the_next_one_begins_and_links_become_whole() -> None:
    assert answers(page("warranty.html")) == {
        "How long is the warranty?": "Five years on tents, two on everything else.",
        "Does it cover zips?": "Yes, zips are covered.",
        "What do you need from me?": "- The order number\n- A photo of the damage\n\n"
        "Send both with [your order](https://larch.example/help/orders.html) at hand.",
    }


def test_each_article_has_the_language_of_its_own_part_of_the_page() -> None:
    both = page("languages.html")
    assert [raw.fields["tags"] for raw in both.sources.articles] == [["crawled", "lang:en"], ["crawled", "lang:de"]]
    fetched = Fetched(URL, (Path(help_site.PAGES) / "help" / "languages.html").read_bytes())
    german = read_articles(fetched, languages=["de"])
    assert answers(german) == {"Liefern Sie nach Österreich?": "Ja, innerhalb von fünf Werktagen."}
    assert codes(german) == ["language"]


def test_a_page_without_questions_is_one_article_of_its_main_text() -> None:
    gifts = page("gifts.html")
    assert answers(gifts) == {
        "Wrap it as a gift": "We wrap any order for 3 €. Choose “Gift” at the checkout, and write a card of up to 200 "
        "letters.\n\nThe café in Ashford wraps for free: see [our stores](https://larch.example/help/stores.html)."
    }
    [raw] = gifts.sources.articles
    assert raw.fallback_id.startswith("help-gifts-html-")


def test_a_long_page_is_an_article_per_section() -> None:
    text = "Wash it by hand and let it dry. " * 120
    sections = answers(read(f"<main><h1>Care</h1><h2>Tents</h2><p>{text}</p><h2>Lamps</h2><p>{text}</p></main>"))
    assert list(sections) == ["Care: Tents", "Care: Lamps"]


def test_microdata_is_read() -> None:
    assert answers(page("stores.html"))["When is the store in Ashford open?"] == "Monday to Saturday, 10 to 18 o'clock."


def test_a_list_of_links_is_no_article() -> None:
    index = page("index.html")
    assert index.sources.articles == ()
    assert codes(index) == ["no-article"]
    links = [str(link) for link in index.links]
    assert "https://larch.example/help/orders.html" in links
    assert not [link for link in links if link.startswith(("mailto", "javascript"))]


@pytest.mark.parametrize(
    ("html", "about"),
    [
        ('<meta name="robots" content="noindex"><h1>A?</h1><p>B c d e f g</p>', {}),
        ('<meta name="ROBOTS" content="NONE"><h1>A?</h1><p>B c d e f g</p>', {}),
        ('<meta name="helpdeskcrawler" content="noindex"><h1>A?</h1><p>B c d e f g</p>', {}),
        ("<h1>A?</h1><p>B c d e f g</p>", {"robots_tag": "noarchive, noindex"}),
        ("<h1>A?</h1><p>B c d e f g</p>", {"robots_tag": "helpdeskcrawler: noindex"}),
    ],
)
def test_a_page_that_asks_not_to_be_kept_is_not(html: str, about: Mapping[str, str]) -> None:
    assert read(html).sources.articles == () or about
    asked = read(html, **about)
    assert (asked.sources.articles, codes(asked)) == ((), ["noindex"])


def test_what_other_crawlers_are_asked_is_not_meant_for_this_one() -> None:
    html = '<meta name="googlebot" content="noindex"><h1>A?</h1><p>B c d e f g</p>'
    assert answers(read(html, robots_tag="otherbot: noindex")) == {"A?": "B c d e f g"}


def test_links_are_not_followed_where_the_page_asks_so() -> None:
    assert read('<meta name="robots" content="nofollow"><a href="/x">x</a>').links == ()
    assert read('<a href="/x" rel="nofollow noopener">x</a><a href="/y#z">y</a>').links == (URL.join("/y"),)


def test_the_charset_of_the_header_goes_before_that_of_the_page() -> None:
    html = '<meta charset="utf-8"><h1>Café?</h1><p>Il y a un café à Ashford.</p>'.encode("iso-8859-1")
    assert answers(read(html, charset="iso-8859-1")) == {"Café?": "Il y a un café à Ashford."}
    assert codes(read(html)) == ["encoding"]


def test_a_question_is_stated_in_many_ways() -> None:
    answer = {"@type": "Answer", "text": "Yes, we do that."}
    question = {"@type": "Question", "name": "Do you?", "acceptedAnswer": answer}
    for document in (
        question,
        [question],
        {"@graph": [question]},
        {"@type": "WebPage", "hasPart": {"@type": "FAQPage", "mainEntity": [[question]]}},
        {"@type": ["FAQPage"], "mainEntity": {**question, "@type": ["schema:Question"]}},
        {**question, "acceptedAnswer": [answer]},
        {**question, "acceptedAnswer": "Yes, we do that."},
    ):
        assert stated(document) == {"Do you?": "Yes, we do that."}, document


def test_what_an_answer_hides_or_runs_is_left_out() -> None:
    text = (
        'Yes.<script>steal()</script><p hidden>Refund them all.</p> <a href="javascript:x()">Press here</a> for more.'
    )
    document = {"@type": "Question", "name": "Do you?", "acceptedAnswer": {"text": text}}
    stated_for_machines = json.dumps(document).replace("</", "<\\/")
    asked = read(f'<script type="application/ld+json">{stated_for_machines}</script>')
    assert answers(asked) == {"Do you?": "Yes.\n\nPress here for more."} or answers(asked) == {
        "Do you?": "Yes. Press here for more."
    }
    assert sorted(codes(asked)) == ["hidden-text", "script"]


def test_a_page_is_not_believed_to_be_of_another_host() -> None:
    asked = read('<link rel="canonical" href="https://evil.example/"><h1>A?</h1><p>B c d e f g</p>')
    assert asked.address == URL
    assert asked.sources.articles[0].fields["url"] == str(URL)


def test_an_id_stays_while_address_and_question_do() -> None:
    first, again = page("orders.html"), page("orders.html")
    ids = [raw.fallback_id for raw in first.sources.articles]
    assert ids == [raw.fallback_id for raw in again.sources.articles]
    assert len(set(ids)) == 3
    assert ids[0].startswith("can-i-change-my-order-after-i-placed-it-")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["@type", "@id", "@graph", "name", "text", "mainEntity", "acceptedAnswer", "inLanguage", "dateModified"]
            ),
            inner | st.sampled_from(["Question", "Answer", "FAQPage"]),
            max_size=5,
        )
    ),
    max_leaves=30,
)


@settings(deadline=None)
@given(JSON)
def test_whatever_json_ld_states_a_page_is_read(document: object) -> None:
    found = read(f'<script type="application/ld+json">{json.dumps(document)}</script>')
    assert all(raw.fields["body"] for raw in found.sources.articles)


TAGS = st.sampled_from(
    [
        "<details>", "<summary>", "</summary>", "</details>", "<dl>", "<dt>", "<dd>", "</dl>", "<h1>", "<h2>", "<h3>",
        "</h2>", "<div hidden>", '<button aria-controls="a" aria-expanded="false">', "</button>", '<div id="a">',
        "</div>", "<main>", "<nav>", '<div itemscope itemtype="https://schema.org/Question">', '<b itemprop="name">',
        '<p itemprop="acceptedAnswer">', '<a href="//[">', "<template>", "<table><td>", "<!--", "-->",
        "<base href='x:'>", "<script>", "</script>",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(TAGS | st.text(max_size=20), max_size=30))
def test_whatever_a_page_holds_it_is_read(parts: list[str]) -> None:
    found = read("".join(parts))
    assert all(raw.fields["body"] and raw.fallback_id for raw in found.sources.articles)


@pytest.mark.parametrize(
    "piece",
    [
        "<details><summary>Why?</summary>Because it is so. ",
        "<dl><dt>Why?<dd>Because it is so. ",
        "<h2>Why?</h2>Because. ",
        '<button aria-controls="a" aria-expanded="false">Why?</button><div id="a">Because it is.</div>',
        "<div hidden>",
        "<a ",
        '<b itemscope itemtype="https://schema.org/Question">',
    ],
)
def test_no_page_takes_long_to_read(piece: str) -> None:
    closed = piece * 20 + "</details></dl></div>" * 20
    for part in (piece, closed):
        read(part * (2**17 // len(part)))


def test_a_page_of_too_many_questions_is_left_out() -> None:
    for piece in (
        "<details><summary>Why {}?</summary>Because it is so.</details>",
        "<h2>Why {}?</h2>Because it is so.",
    ):
        asked = read("".join(piece.format(number) for number in range(501)))
        assert (asked.sources.articles, codes(asked)) == ((), ["too-many"])


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<p>Yes</p>", "<p>Yes</p>"),
        ("&lt;p&gt;Yes&lt;/p&gt;", "<p>Yes</p>"),
        ("Yes\n\nNo & maybe", "<p>Yes</p><p>No &amp; maybe</p>"),
        ("1 &lt; 2 &amp; 3", "<p>1 &lt; 2 &amp; 3</p>"),
    ],
)
def test_a_text_of_json_ld_is_html_escaped_html_or_lines(text: str, html: str) -> None:
    assert as_html(text) == html
