"""What every store must do: inherited by the suite of each adapter. The parts stand in files of their own."""

from tests.contract.store_contract_article_signals import ArticleSignalsContract
from tests.contract.store_contract_corrections import CorrectionsContract
from tests.contract.store_contract_deadlines import DeadlinesContract
from tests.contract.store_contract_decision_log import DecisionLogContract
from tests.contract.store_contract_knowledge import KnowledgeVersionsContract
from tests.contract.store_contract_messages import MessagesContract
from tests.contract.store_contract_people import PeopleContract
from tests.contract.store_contract_policies import PoliciesContract
from tests.contract.store_contract_reports import ReportsContract
from tests.contract.store_contract_results import ResultsContract
from tests.contract.store_contract_tickets import TicketsContract
from tests.contract.store_contract_transactions import TransactionsContract
from tests.contract.store_contract_waiting import WaitingContract
from tests.contract.store_contract_writing import WritingContract


class StoreContract(
    TransactionsContract,
    TicketsContract,
    CorrectionsContract,
    ArticleSignalsContract,
    WaitingContract,
    DeadlinesContract,
    ResultsContract,
    MessagesContract,
    KnowledgeVersionsContract,
    PeopleContract,
    PoliciesContract,
    DecisionLogContract,
    WritingContract,
    ReportsContract,
):
    """Subclasses provide the fixture ``url``: an empty database of their own."""
