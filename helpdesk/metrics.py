"""Every Prometheus metric of every service. Labels are bounded: routes, never paths; intents, never texts."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

CONFIDENCE_BOUNDS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Upper bounds of the bins of calibrated confidence, wherever its distribution is kept: finer where most of it lies."""

# HTTP, all services
http_requests = Counter("helpdesk_http_requests_total", "Requests answered.", ("method", "route", "status"))
http_duration = Histogram(
    "helpdesk_http_request_duration_seconds", "From the first byte to the last.", ("route",), buckets=HTTP_BUCKETS_S
)

# Prediction API
predictions = Counter("helpdesk_predictions_total", "Tickets classified.", ("intent", "out_of_scope", "model_version"))
prediction_confidence = Histogram(
    "helpdesk_prediction_confidence",
    "Calibrated confidence of the predicted intent.",
    ("model_version",),
    buckets=CONFIDENCE_BOUNDS,
)
prediction_languages = Counter(
    "helpdesk_prediction_languages_total",
    "Tickets classified, by the language that was detected; `undetermined` where none was.",
    ("language", "model_version"),
)
prediction_batch_size = Histogram(
    "helpdesk_prediction_batch_size", "Tickets per inference.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
prediction_duration = Histogram(
    "helpdesk_prediction_duration_seconds",
    "One inference, of a whole batch.",
    buckets=(0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0),
)
prediction_queue = Gauge("helpdesk_prediction_queue_length", "Tickets that wait for an inference.")
model_switches = Counter(
    "helpdesk_model_switches_total",
    "Versions that took the place of the one that served (`switched`), or could not be loaded (`refused`).",
    ("outcome",),
)
shadow_predictions = Counter(
    "helpdesk_shadow_predictions_total",
    "Answered tickets that the version in shadow was offered: `agreed`, `disagreed`, `failed` or `dropped`.",
    ("outcome",),
)
shadow_duration = Histogram(
    "helpdesk_shadow_duration_seconds",
    "One ticket in shadow, without its waiting.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0),
)
shadow_queue = Gauge("helpdesk_shadow_queue_length", "Tickets that wait for the version in shadow.")
shadow_unrecorded = Counter(
    "helpdesk_shadow_unrecorded_total", "Predictions in shadow that could not be written to their file."
)

# Ticket API
corrections = Counter(
    "helpdesk_corrections_total",
    "Intents that agents recorded: the model had been `right`, `wrong`, or had given `no_prediction`.",
    ("verdict",),
)
article_signals = Counter(
    "helpdesk_article_signals_total",
    "What customers and agents made of the articles behind answers and drafts, one per article.",
    ("signal",),
)

ratings = Counter(
    "helpdesk_ratings_total",
    "Customers' ratings, 1 to 5, of an `answer`, or of the `question` that the machine asked back.",
    ("rated", "score"),
)

# What relay and worker stand on
dependency_up = Gauge("helpdesk_dependency_up", "Whether a part answered when last asked: 1 or 0.", ("dependency",))

# Relay
outbox_messages = Gauge("helpdesk_outbox_messages", "Messages that are committed and wait for the broker's confirm.")
outbox_oldest_age = Gauge("helpdesk_outbox_oldest_age_seconds", "For how long the oldest of them has waited.")
messages_published = Counter(
    "helpdesk_messages_published_total", "Messages that the broker confirmed.", ("destination",)
)
messages_refused = Counter(
    "helpdesk_messages_refused_total", "Messages that were refused or not confirmed, and stay.", ("destination",)
)
sweeps = Counter("helpdesk_sweeps_total", "Rounds of the watchdog.", ("result",))
swept_tickets = Counter("helpdesk_swept_tickets_total", "Tickets that the watchdog moved.", ("duty",))
sla_alerts = Counter(
    "helpdesk_sla_alerts_total",
    "Deadlines that came near (`soon`) or were missed (`breached`), by human queue (`none`: not in one) and target.",
    ("state", "queue", "target"),
)
pruned_rows = Counter("helpdesk_pruned_rows_total", "Rows that were deleted because of their age.", ("table",))

# Worker
deliveries = Counter("helpdesk_deliveries_total", "Messages that the worker settled.", ("result",))
decisions = Counter(
    "helpdesk_decisions_total", "Decisions that took effect, with the code of their last reason.", ("outcome", "reason")
)
clarified_decisions = Counter(
    "helpdesk_clarified_decisions_total",
    "Decisions on tickets whose customer has answered the machine's question, by what the answer led to.",
    ("outcome",),
)
writer_tokens = Counter(
    "helpdesk_writer_tokens_total",
    "Tokens that models were paid for, also for answers that were not sent.",
    ("model", "kind"),
)
writer_cost = Counter(
    "helpdesk_writer_cost_usd_total",
    "US dollars that models cost; models without a known price count nothing.",
    ("model",),
)
handling_duration = Histogram(
    "helpdesk_handling_duration_seconds",
    "From the opening of a ticket's message to the commit of its decision.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
decision_delay = Histogram(
    "helpdesk_decision_delay_seconds",
    "From the message that asks for a decision to its commit, waiting and retries included.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
)
