"""Every Prometheus metric of every service. Labels are bounded: routes, never paths; intents, never texts."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# HTTP, all services
http_requests = Counter("helpdesk_http_requests_total", "Requests answered.", ("method", "route", "status"))
http_duration = Histogram(
    "helpdesk_http_request_duration_seconds", "From the first byte to the last.", ("route",), buckets=HTTP_BUCKETS_S
)

# Prediction API
predictions = Counter("helpdesk_predictions_total", "Tickets classified.", ("intent", "out_of_scope"))
prediction_confidence = Histogram(
    "helpdesk_prediction_confidence",
    "Calibrated confidence of the predicted intent.",
    buckets=(0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0),
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
