"""A prediction service that behaves as a file tells it: ok, slow, garbage, nan, unknown, wrong_count, 500, close."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from helpdesk.predictions import PredictBatchResponse
from tests.fakes import make_prediction


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mood_file: Path

    def do_GET(self) -> None:
        self._answer(b'{"status":"ready"}')

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = request.get("tickets") or [request["ticket"]]
        predictions = [make_prediction(text) for text in texts]
        mood = self.mood_file.read_text().strip()
        if mood == "slow":
            time.sleep(3)
        elif mood == "close":
            self.close_connection = True
            return
        if mood == "wrong_count":
            predictions = predictions[:-1]
        body = PredictBatchResponse(predictions=predictions).model_dump_json()
        if mood == "garbage":
            body = "<html>Bad gateway</html>"
        elif mood == "nan":
            body = body.replace("0.97", "NaN")
        elif mood == "unknown":
            body = body.replace('"predicted_label"', '"surprise":1,"predicted_label"')
        self._answer(body.encode(), status=500 if mood == "500" else 200)

    def _answer(self, body: bytes, *, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the suite reads outcomes, not access logs."""


if __name__ == "__main__":
    _Handler.mood_file = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
