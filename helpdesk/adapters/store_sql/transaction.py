"""The transaction: all nouns of the store on one connection."""

from helpdesk.adapters.store_sql.answer_cache import AnswerCache
from helpdesk.adapters.store_sql.api_keys import ApiKeys
from helpdesk.adapters.store_sql.article_signals import ArticleSignals
from helpdesk.adapters.store_sql.corrections import Corrections
from helpdesk.adapters.store_sql.dead_letters import DeadLetters
from helpdesk.adapters.store_sql.decision_log import DecisionLog
from helpdesk.adapters.store_sql.facts import Facts
from helpdesk.adapters.store_sql.history import History
from helpdesk.adapters.store_sql.inbox import Inbox
from helpdesk.adapters.store_sql.knowledge import KnowledgeTables
from helpdesk.adapters.store_sql.listing import Listing
from helpdesk.adapters.store_sql.outbox import Outbox
from helpdesk.adapters.store_sql.people import PeopleTables
from helpdesk.adapters.store_sql.policies import PolicyTable
from helpdesk.adapters.store_sql.pruning import Pruning
from helpdesk.adapters.store_sql.results import Results
from helpdesk.adapters.store_sql.spending import Spending
from helpdesk.adapters.store_sql.submissions import Submissions
from helpdesk.adapters.store_sql.tickets import Tickets
from helpdesk.adapters.store_sql.waiting import Waiting


class SqlTransaction(
    Submissions,
    Tickets,
    Listing,
    Waiting,
    Results,
    History,
    Corrections,
    ArticleSignals,
    Outbox,
    Inbox,
    DeadLetters,
    ApiKeys,
    Facts,
    Spending,
    AnswerCache,
    Pruning,
    KnowledgeTables,
    PeopleTables,
    PolicyTable,
    DecisionLog,
):
    """Implements the port's ``Transaction``."""
