"""Takes pictures of the desk's pages, in both themes and two widths, over made-up tickets: ``make screens``."""

import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from helpdesk.desk import enqueue
from helpdesk.people import DeskRole
from helpdesk.tickets import Action, Author, Priority
from tests.chromium import chromium
from tests.desk_browser import PASSWORD, Console, open_console
from tests.factories import make_answer, make_citation, make_decision, make_submission
from tests.live_desk import serving

SCREENS = Path(__file__).resolve().parent / "screens"
WIDTHS = {1280: 800, 360: 740}
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
TICKETS = (
    ("REFUND", "get_refund", 0.64, -0.72, "Refund for my cancelled order", "ada@example.org", Priority.HIGH,
     "I cancelled order 100-2231 nine days ago and the money is still not back. This is the third time that I write. "
     "What is going on?",
     "The customer sounds upset (-0.72, the bound is -0.60), so a person answers."),
    ("REFUND", "track_refund", 0.58, 0.02, "", "grace@example.org", Priority.NORMAL,
     "Hello, can you tell me when my refund arrives? I returned the blue lamp on Monday.",
     "The intent is not clear enough (0.58, at least 0.81 is needed)."),
    ("INVOICE", "get_invoice", 0.91, 0.1, "Invoice with our VAT number", "linus@example.org", Priority.NORMAL,
     "Please send the invoice of last week again, with our VAT number on it.",
     "No article covers a VAT number that is missing (evidence 0.41, at least 0.55 is needed)."),
    ("SHIPPING", "change_shipping_address", 0.77, -0.2, "We have moved", "barbara@example.org", Priority.NORMAL,
     "We moved last week. Can the parcel still go to the new address?",
     "Addresses are changed by people."),
    ("INTERVENTION", "complaint", 0.95, -0.9, "I will talk to my lawyer", "ken@example.org", Priority.HIGH,
     "Your lamp caught fire. I want to speak to a person today.",
     "The customer asks for a person, and names a danger."),
    ("GENERAL", None, None, None, "", "dennis@example.org", Priority.NORMAL,
     "Do you also repair bicycles?",
     "This is about nothing that the articles cover."),
)  # fmt: skip
DRAFT = (
    "Hello Ada,\n\nthank you for writing again, and sorry for the wait. Refunds for cancelled orders reach your "
    "account within 5 to 7 working days after the cancellation; some banks take 2 days more.\n\nKind regards"
)


def fill(console: Console) -> str:
    """Make people and tickets; return the id of the one that the agent Maria holds."""
    console.add_person("maria", display_name="Maria Schulze", roles=list(DeskRole), queues=["REFUND", "INVOICE"])
    console.services.roster.add("tom", display_name="Tom Okafor", roles=[DeskRole.AGENT], capacity=5)
    for role in DeskRole:
        console.services.roster.set_active(role.value, active=role is not DeskRole.ML)
    ids = []
    for age, (queue, intent, confidence, sentiment, subject, user, priority, text, reason) in enumerate(TICKETS):
        at = console.shop.now - timedelta(minutes=4 + 37 * age)
        submission = make_submission(text=text, subject=subject, user=user, channel="email", priority=priority,
                                     intent=intent, confidence=confidence, sentiment=sentiment, created_at=at,
                                     metadata={"order": "100-2231"} if age == 0 else {})  # fmt: skip
        ticket_id = submission.ticket.ticket_id
        with console.store.transaction() as tx:
            tx.add_submissions([submission])
            enqueue(tx, tx.ticket(ticket_id), Action.ROUTE, queue=queue, reason=reason, at=at,
                    actor=Author.MACHINE, name="worker")  # fmt: skip
            labels = [{"label": intent, "confidence": confidence}, {"label": "track_refund", "confidence": 0.22}]
            tx.add_decisions([make_decision(tx.ticket(ticket_id), prediction={"top_labels": labels} if intent else {})])
        ids.append(ticket_id)
    cited = (
        make_citation(title="How long does a refund take?", url="https://shop.example/help/refund-times",
                      quote="Refunds for cancelled orders reach your account within 5 to 7 working days."),
        make_citation(title="Refunds and banks", quote="Some banks take 2 days more until they show it."),
    )  # fmt: skip
    with console.store.transaction() as tx:
        tx.add_answers([make_answer(tx.ticket(ids[0]), sent=False, text=DRAFT, citations=cited)])
    console.shop.relay()
    console.shop.desk.claim(ids[0], "maria")
    console.shop.desk.claim(ids[3], "tom")
    return ids[0]


def take(browser: Browser, url: str, pages: Sequence[tuple[str, str]], folder: Path) -> None:
    """Take every page in every theme and width."""
    for theme in THEMES:
        for width, height in WIDTHS.items():
            context = browser.new_context(
                base_url=url, viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce"
            )
            page = context.new_page()
            page.goto("/sign-in")
            page.screenshot(path=folder / f"sign-in-{theme}-{width}.png", full_page=True)
            page.get_by_label("Name").fill("maria")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            for name, path in pages:
                page.goto(path)
                page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
            context.close()


def main(folder: Path) -> None:
    """Take all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state,
        open_console(Path(state)) as console,
        chromium() as browser,
    ):
        ticket_id = fill(console)
        with serving(console) as url:
            pages = [("queues", "/queues"), ("queue", "/queues/REFUND"), ("ticket", f"/tickets/{ticket_id}")]
            pages += [("tickets", "/tickets"), ("people", "/people"), ("me", "/me"), ("problem", "/nowhere")]
            take(browser, url, pages, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCREENS)
