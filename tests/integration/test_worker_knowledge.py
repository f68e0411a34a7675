"""A decision names the version of the knowledge base that its passages came from."""

from collections.abc import Sequence
from dataclasses import replace

from helpdesk.ports.knowledge import Passage, Question
from tests.fakes import ARTICLE, FakeKnowledge
from tests.shop import Shop


class SwappedMeanwhile(FakeKnowledge):
    """Another version comes into force between the question for its name and the first search."""

    def __init__(self) -> None:
        super().__init__()
        self.in_force = "old"
        self.searched = 0

    def search(self, questions: Sequence[Question], *, limit: int) -> list[list[Passage]]:
        self.searched += 1
        self.in_force = "new"
        return [[Passage(article=replace(ARTICLE), similarity=0.9)] for _ in questions]

    def version(self) -> str:
        return self.in_force


def test_a_version_that_changes_during_a_search_is_searched_again(shop: Shop) -> None:
    knowledge = shop.knowledge = SwappedMeanwhile()
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    shop.decided(ticket_id)
    with shop.store.reading() as tx:
        [decision] = tx.decisions(ticket_id)
    assert decision.versions["knowledge"] == "new"
    assert knowledge.searched == 2
